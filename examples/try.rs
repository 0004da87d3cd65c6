use ccroute::probe::*;
fn main() {
    for a in std::env::args().skip(1) {
        let mut w = a.split(' ');
        let mut c = Compiler::new(w.next().unwrap());
        c.args = w.map(Into::into).collect();
        let t = std::time::Instant::now();
        match section(&c) {
            Ok(t) => println!("{t}"),
            Err(e) => println!("{a}: {e}"),
        }
        eprintln!("{:?}", t.elapsed());
    }
}
