//! A client that speaks distcc's protocol (version 1: plain mode, no compression; version 3: pump mode) by itself, so
//! that a test can send any argument list from any loopback address. A test tool only: ccroute
//! speaks no network protocol.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Duration;

use nix::sys::socket::{bind, connect, socket, AddressFamily, SockFlag, SockType, SockaddrIn};

/// What came back for a job.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// The wait status of the compiler: exit code << 8, or the signal.
    pub status: u32,
    pub stderr: Vec<u8>,
    pub stdout: Vec<u8>,
    /// Empty where none was sent.
    pub object: Vec<u8>,
    /// Of a pump job: the list of dependencies.
    pub dependencies: Vec<u8>,
}

impl Reply {
    /// The compiler's exit code, if it exited.
    pub fn exit(&self) -> Option<u32> {
        (self.status & 0x7f == 0).then_some(self.status >> 8)
    }

    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// Sends a job: `words` with the compiler's name first, and the preprocessed source. `None`: the
/// helper hung up without an answer.
pub fn send(to: SocketAddr, from: Ipv4Addr, words: &[&[u8]], source: &[u8]) -> Option<Reply> {
    let mut stream = connect_from(to, from);
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let mut job = b"DIST00000001".to_vec();
    job.extend(format!("ARGC{:08x}", words.len()).bytes());
    for word in words {
        job.extend(format!("ARGV{:08x}", word.len()).bytes());
        job.extend_from_slice(word);
    }
    job.extend(format!("DOTI{:08x}", source.len()).bytes());
    job.extend_from_slice(source);
    // A helper that refuses may hang up before it has read everything.
    stream.write_all(&job).ok()?;
    let mut reply = Reply::default();
    assert_eq!(token(&mut stream, b"DONE")?, 1, "protocol version");
    reply.status = token(&mut stream, b"STAT")?;
    reply.stderr = bytes(&mut stream, b"SERR")?;
    reply.stdout = bytes(&mut stream, b"SOUT")?;
    reply.object = bytes(&mut stream, b"DOTO")?;
    Some(reply)
}

fn connect_from(to: SocketAddr, from: Ipv4Addr) -> TcpStream {
    let IpAddr::V4(ip) = to.ip() else {
        panic!("IPv4 only")
    };
    let fd = socket(
        AddressFamily::Inet,
        SockType::Stream,
        SockFlag::SOCK_CLOEXEC,
        None,
    )
    .unwrap();
    let [a, b, c, d] = from.octets();
    bind(fd.as_raw_fd(), &SockaddrIn::new(a, b, c, d, 0)).unwrap();
    let [a, b, c, d] = ip.octets();
    connect(fd.as_raw_fd(), &SockaddrIn::new(a, b, c, d, to.port())).unwrap();
    TcpStream::from(fd)
}

/// A token and its number.
fn token(stream: &mut TcpStream, name: &[u8; 4]) -> Option<u32> {
    let mut text = [0; 12];
    stream.read_exact(&mut text).ok()?;
    assert_eq!(&text[..4], name);
    let number = std::str::from_utf8(&text[4..]).unwrap();
    Some(u32::from_str_radix(number, 16).unwrap())
}

fn bytes(stream: &mut TcpStream, name: &[u8; 4]) -> Option<Vec<u8>> {
    let length = token(stream, name)?;
    let mut bytes = vec![0; length as usize];
    stream.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

/// A file of a pump job: its contents, or where a link leads.
#[derive(Clone, Copy, Debug)]
pub enum Sent<'a> {
    File(&'a [u8]),
    Link(&'a str),
}

/// Sends a pump job (version 3 of the protocol, with LZO): `words` with the compiler's name first, the client's
/// working directory, and its files by absolute path.
pub fn send_pump(
    to: SocketAddr,
    words: &[&[u8]],
    cwd: &str,
    files: &[(&str, Sent<'_>)],
) -> Option<Reply> {
    let mut stream = connect_from(to, Ipv4Addr::LOCALHOST);
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let string = |token: &str, bytes: &[u8]| -> Vec<u8> {
        let mut all = format!("{token}{:08x}", bytes.len()).into_bytes();
        all.extend_from_slice(bytes);
        all
    };
    let mut job = b"DIST00000003".to_vec();
    job.extend(string("CDIR", cwd.as_bytes()));
    job.extend(format!("ARGC{:08x}", words.len()).bytes());
    for word in words {
        job.extend(string("ARGV", word));
    }
    job.extend(format!("NFIL{:08x}", files.len()).bytes());
    for (name, file) in files {
        job.extend(string("NAME", name.as_bytes()));
        job.extend(match file {
            Sent::Link(target) => string("LINK", target.as_bytes()),
            Sent::File([]) => b"FILE00000000".to_vec(),
            Sent::File(bytes) => string("FILE", &lzokay_native::compress(bytes).unwrap()),
        });
    }
    stream.write_all(&job).ok()?;
    let mut reply = Reply::default();
    assert_eq!(token(&mut stream, b"DONE")?, 3, "protocol version");
    reply.status = token(&mut stream, b"STAT")?;
    reply.stderr = compressed(&mut stream, b"SERR")?;
    reply.stdout = compressed(&mut stream, b"SOUT")?;
    reply.object = compressed(&mut stream, b"DOTO")?;
    // Comes with an object only.
    reply.dependencies = match reply.object.is_empty() {
        true => Vec::new(),
        false => compressed(&mut stream, b"DOTD")?,
    };
    Some(reply)
}

fn compressed(stream: &mut TcpStream, name: &[u8; 4]) -> Option<Vec<u8>> {
    let bytes = bytes(stream, name)?;
    match bytes.is_empty() {
        true => Some(bytes),
        false => Some(lzokay_native::decompress_all(&bytes, None).unwrap()),
    }
}
