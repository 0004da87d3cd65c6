//! The real thing: distcc and distccd on loopback, Debian's cross compilers, and what comes back.

mod common;

use common::{raw, without_comment, Client, DistccdSetup, Farm, Object, Scratch};

/// Gentoo's name for the compiler of a first Raspberry Pi.
const PI: &str = "armv6j-hardfloat-linux-gnueabi";
/// What that compiler was configured to assume.
const PI_FLAGS: &str =
    "-march=armv6j -mtune=arm1136j-s -mfpu=vfp -mfloat-abi=hard -marm -fPIE -fstack-protector-strong";

fn pi_rules() -> String {
    format!("[{PI}]\nuse = arm-linux-gnueabihf\ndefaults = {PI_FLAGS}\n")
}

const PROGRAM: &str = "#include <stdio.h>\n\
    double half(double x) { return x / 2; }\n\
    int main(int argc, char **argv) { char b[32]; snprintf(b, sizeof b, \"%.1f\", half(argc * 3)); puts(b); return 0; }\n";

#[test]
fn a_pi_gets_its_own_kind_of_object() {
    let scratch = Scratch::new("pi");
    let gcc = format!("{PI}-gcc");
    let farm = Farm::new(&scratch, &[&gcc]);
    let rules = scratch.rules("rules", pi_rules());
    let helper = DistccdSetup::new(&scratch).with(&farm, &rules).start();
    let client = Client::new(&scratch, &helper.host());
    client.compiler(&gcc, "arm-linux-gnueabihf-gcc");
    client.file("t.c", PROGRAM);
    client
        .distcc(&[&gcc, "-O2", "-c", "t.c", "-o", "t.o"])
        .silent();
    let object = Object::read(&client.dir.join("t.o"));
    assert_eq!(object.machine(), "ARM");
    let _ = (raw::compile::<&str>, without_comment);
}
