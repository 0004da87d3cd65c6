//! distcc's protocol, version 1, spoken by hand: any arguments from any of the machine's own
//! addresses, and the whole answer. (distcc itself sends only what it thinks a compiler takes.)

use std::io::{self, Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Duration;

use nix::sys::socket::{bind, connect, socket, AddressFamily, SockFlag, SockType, SockaddrIn};

/// What distccd answered.
#[derive(Debug, Default)]
pub struct Answer {
    /// The compiler's wait status: 256 times its exit code, or a signal's number.
    pub status: u32,
    pub stderr: String,
    pub stdout: String,
    pub object: Vec<u8>,
}

impl Answer {
    /// The compiler's exit code.
    pub fn code(&self) -> u32 {
        self.status >> 8
    }
}

/// Sends one job from `source` to `helper` (both `127.0.0.N`), and waits for the answer.
///
/// # Errors
/// The connection ended early: how distccd refuses a program that is not on its list.
pub fn compile<A: AsRef<[u8]>>(
    source: &str,
    helper: (&str, u16),
    argv: &[A],
    input: &[u8],
) -> io::Result<Answer> {
    let mut stream = connect_from(source, helper)?;
    let mut request = Vec::new();
    token(&mut request, b"DIST", 1);
    token(&mut request, b"ARGC", argv.len());
    for arg in argv {
        token(&mut request, b"ARGV", arg.as_ref().len());
        request.extend_from_slice(arg.as_ref());
    }
    token(&mut request, b"DOTI", input.len());
    request.extend_from_slice(input);
    stream.write_all(&request)?;

    let mut answer = Answer::default();
    expect(&mut stream, b"DONE")?;
    answer.status = expect(&mut stream, b"STAT")?;
    answer.stderr = text(&mut stream, b"SERR")?;
    answer.stdout = text(&mut stream, b"SOUT")?;
    let length = expect(&mut stream, b"DOTO")?;
    answer.object = bytes(&mut stream, length)?;
    Ok(answer)
}

fn connect_from(source: &str, (helper, port): (&str, u16)) -> io::Result<TcpStream> {
    let address = |text: &str, port| {
        let ip = text.parse().expect("an IPv4 address");
        SockaddrIn::from(SocketAddrV4::new(ip, port))
    };
    let fd = socket(
        AddressFamily::Inet,
        SockType::Stream,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    bind(fd.as_raw_fd(), &address(source, 0))?;
    connect(fd.as_raw_fd(), &address(helper, port))?;
    let stream = TcpStream::from(fd);
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    Ok(stream)
}

fn token(to: &mut Vec<u8>, name: &[u8; 4], number: usize) {
    to.extend_from_slice(name);
    to.extend_from_slice(format!("{number:08x}").as_bytes());
}

/// Reads a token that has to be the next, and gives its number.
fn expect(stream: &mut TcpStream, name: &[u8; 4]) -> io::Result<u32> {
    let read = bytes(stream, 12)?;
    let wrong = || {
        io::Error::other(format!(
            "not the answer's {}: {read:?}",
            name.escape_ascii()
        ))
    };
    if &read[..4] != name {
        return Err(wrong());
    }
    let digits = std::str::from_utf8(&read[4..]).map_err(|_| wrong())?;
    u32::from_str_radix(digits, 16).map_err(|_| wrong())
}

fn text(stream: &mut TcpStream, name: &[u8; 4]) -> io::Result<String> {
    let length = expect(stream, name)?;
    let read = bytes(stream, length)?;
    Ok(String::from_utf8_lossy(&read).into_owned())
}

fn bytes(stream: &mut TcpStream, length: u32) -> io::Result<Vec<u8>> {
    let mut read = vec![0; length as usize];
    stream.read_exact(&mut read)?;
    Ok(read)
}
