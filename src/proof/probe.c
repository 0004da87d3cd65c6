/* ccroute's probe, C: small pieces of what compilers, ABIs and defaults differ in. It is compiled
   with nothing but an optimisation level; the digest of the object is the proof. No includes, so
   that the headers of a system do not count. Must compile with gcc 4.7 and later, and clang.
   A change here changes every proof. */

typedef __SIZE_TYPE__ size;

/* Floating point: ISA, FPU, float ABI, contraction. */
double fp_mix(double a, float b, int n) { return a * b + n / 3.0; }
float fp_single(float a, float b) { return a > b ? a - b : b * 0.1f; }
long long fp_to_int(double a) { return (long long)a; }
int fp_compare(double a, double b) { return a < b || a != a; }
long double fp_long(long double a, long double b) { return a / b + 1.5L; }
double fp_loop(const double *a, const double *b, int n)
{
    double sum = 0;
    int i;
    for (i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Passing and returning structs, and many arguments. */
struct pair { double x, y; };
struct mixed { char c; short s; int i; long long l; };
struct big { int v[9]; };
struct bits { unsigned a : 3, b : 17; signed c : 9; };
union either { float f; unsigned u; };
struct pair struct_pair(struct pair p, float k) { p.x += k; p.y -= k; return p; }
struct mixed struct_mixed(int a, struct mixed m) { m.i += a; m.l *= m.s; return m; }
struct big struct_big(struct big b) { b.v[8] = b.v[0]; return b; }
unsigned struct_bits(struct bits b) { return b.a + b.b + (unsigned)b.c; }
unsigned union_either(float f) { union either e; e.f = f; return e.u; }
long many(char a, short b, long long c, int d, double e, float f, long g, void *h, double i)
{
    return a + b + (long)c + d + (long)(e + f + i) + g + (h != 0);
}

/* Sizes that differ between ABIs, as data: enums, wide characters, long double, alignment. */
enum small { LOW, HIGH };
enum wide { MOST = 0x7fffffff };
const size sizes[] = {
    sizeof(enum small), sizeof(enum wide), sizeof(__WCHAR_TYPE__), sizeof(long), sizeof(void *),
    sizeof(long double), sizeof(struct mixed), sizeof(struct bits), __alignof__(long long),
    __alignof__(double), __alignof__(long double)
};
const char plain_char = (char)-1 < 0;
const __WCHAR_TYPE__ wide_text[] = L"probe";

/* Variable arguments. */
double va_sum(int n, ...)
{
    __builtin_va_list list;
    double sum = 0;
    __builtin_va_start(list, n);
    while (n-- > 0)
        sum += n & 1 ? __builtin_va_arg(list, double) : __builtin_va_arg(list, int);
    __builtin_va_end(list);
    return sum;
}
extern int va_sink(const char *text, ...);
int va_call(int a, double b, long long c) { return va_sink("%d %f %lld", a, b, c) + 1; }

/* Global data: position independence, small data, common symbols. */
int uninitialised;
int initialised = 42;
static int hidden[16];
extern int elsewhere;
extern int elsewhere_call(int *a);
const char *const names[] = { "one", "two", "three" };
int *address(int n) { hidden[n & 15]++; initialised += uninitialised; return &hidden[n & 15]; }
int outside(int n) { elsewhere += n; return elsewhere_call(&elsewhere) + initialised; }
const char *name(int n) { return names[n % 3]; }

/* Thread-local storage: dialect and model. */
__thread int tls_here = 7;
extern __thread long tls_there;
static __thread char tls_hidden[24];
long tls(int n) { tls_hidden[n]++; tls_here += n; return tls_there + tls_hidden[0]; }

/* Atomic operations: in line, out of line, or by kernel helper. */
int atomic_add(int *p, int v) { return __atomic_add_fetch(p, v, __ATOMIC_SEQ_CST); }
int atomic_swap(int *p, int *old, int v)
{
    return __atomic_compare_exchange_n(p, old, v, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}
int atomic_load(int *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
void atomic_byte(unsigned char *p, unsigned char v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); }

/* Jump tables, indirect calls, branches. */
int table(int n, int a)
{
    switch (n) {
    case 0: return a;
    case 1: return a * 3;
    case 2: return a ^ 0x55;
    case 3: return elsewhere_call(&a);
    case 4: return a << 5;
    case 5: return -a;
    case 6: return a / 7;
    case 7: return a + initialised;
    case 9: return ~a;
    default: return 0;
    }
}
int indirect(int (*f)(int *), int *a) { return f(a) + 1; }
int tail(int (*f)(int *), int *a) { return f(a); }

/* Stack protector, stack clash protection, unwinding. */
int buffer(int n)
{
    char text[64];
    int i;
    for (i = 0; i < 64; i++)
        text[i] = (char)(n + i);
    return va_sink(text, n);
}
int frame(int n)
{
    volatile char large[20000];
    large[n] = 1;
    return large[n + 1];
}
int dynamic(int n)
{
    char *p = __builtin_alloca((size)n);
    p[0] = (char)n;
    return va_sink(p);
}

/* Integers: division, multiplication, bits, unaligned access. */
unsigned divide(unsigned a, unsigned b) { return a / b + a % b; }
long long wide_multiply(int a, int b) { return (long long)a * b; }
unsigned long long wide_divide(unsigned long long a, unsigned b) { return a / b; }
int count(unsigned a) { return __builtin_clz(a) + __builtin_ctz(a) + __builtin_popcount(a); }
unsigned swap(unsigned a) { return __builtin_bswap32(a); }
struct loose { char c; int i; long long l; } __attribute__((packed));
int unaligned(struct loose *p) { p->l += p->i; return p->i; }
short narrow(signed char a, unsigned short b) { return (short)(a * b); }

/* Scheduling: long enough for a tuned processor to show. */
unsigned schedule(const unsigned *p, unsigned n)
{
    unsigned a = 1, b = 2, c = 3, d = 4;
    while (n--) {
        a += *p++ ^ (d >> 3);
        b ^= a * 17 + (c << 2);
        c += (b & a) | (d >> 7);
        d -= c ^ (a >> 11);
    }
    return a + b * c - d;
}
