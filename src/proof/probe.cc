/* ccroute's probe, C++: exceptions, virtual functions, statics, templates. No includes and no
   standard library. Must compile with g++ 4.7 and later, and clang. A change here changes every
   proof. */

struct Base {
    Base(int v);
    virtual ~Base();
    virtual double measure(float a) const;
    virtual Base *copy() const = 0;
    int value;
};

struct Side {
    virtual int side(long long a) { return int(a) + 1; }
    virtual ~Side() {}
};

struct Derived : Base, virtual Side {
    explicit Derived(int v) : Base(v), extra(v * 0.5) {}
    ~Derived();
    double measure(float a) const { return Base::measure(a) + extra; }
    Base *copy() const { return new Derived(value); }
    int side(long long a) { return int(a) - value; }
    double extra;
};

struct Guard {
    explicit Guard(int *p) : p(p) { ++*p; }
    ~Guard() { --*p; }
    int *p;
};

extern void may_throw(int *p);
extern int use(const char *text);

Base::Base(int v) : value(v) {}
Base::~Base() { use("base"); }
double Base::measure(float a) const { return a * value; }
Derived::~Derived() { use("derived"); }

int catches(int *p)
{
    Guard guard(p);
    try {
        may_throw(p);
    } catch (int e) {
        return e;
    } catch (const Derived &d) {
        return d.value;
    } catch (...) {
        throw;
    }
    return 0;
}

void throws(int v)
{
    if (v > 3)
        throw Derived(v);
    throw v;
}

int no_throw(int *p) noexcept
{
    may_throw(p);
    return *p;
}

Base *cast(Side *s) { return dynamic_cast<Base *>(s); }
double dispatch(const Base &b, Side &s) { return b.measure(1.5f) + s.side(7); }

int once(int v)
{
    static Derived kept(v);
    return kept.value;
}

template <typename T> T largest(const T *p, unsigned n)
{
    T best = p[0];
    for (unsigned i = 1; i < n; i++)
        if (best < p[i])
            best = p[i];
    return best;
}
template int largest<int>(const int *, unsigned);
template double largest<double>(const double *, unsigned);

typedef int (Side::*Method)(long long);
int member(Side &s, Method m) { return (s.*m)(5); }
bool same(Method a, Method b) { return a == b; }

__thread int tls_counter;
struct Counter {
    Counter() { ++tls_counter; }
    ~Counter() { --tls_counter; }
};
Counter global_counter;

inline int shared_inline(int v)
{
    static int calls;
    return calls += v;
}
int calls_inline(int v) { return shared_inline(v) + use("inline"); }
