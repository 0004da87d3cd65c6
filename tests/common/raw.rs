//! A client that speaks distcc's protocol itself, for what distcc's own client never sends: any
//! argv, and any address of 127.0.0.0/8 as the client's.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use nix::sys::socket::{bind, connect, socket, AddressFamily, SockFlag, SockType, SockaddrIn};

/// distccd's answer to one job.
#[derive(Debug, Default)]
pub struct Reply {
    /// The wait status: the exit code is in the high byte.
    pub status: u32,
    pub stderr: String,
    pub stdout: String,
    /// The object; none where the compiler failed.
    pub object: Option<Vec<u8>>,
}

impl Reply {
    pub fn code(&self) -> u32 {
        self.status >> 8
    }
}

/// Connects to a port on 127.0.0.1 as the client `from`, any address of 127.0.0.0/8.
///
/// A plain connect to 127.0.0.N comes from 127.0.0.1 whatever N is, because the kernel's route for
/// 127.0.0.0/8 prefers that source; so the source is bound.
pub fn connect_from(from: Ipv4Addr, port: u16) -> io::Result<TcpStream> {
    let fd = socket(
        AddressFamily::Inet,
        SockType::Stream,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    bind(
        fd.as_raw_fd(),
        &SockaddrIn::from(SocketAddrV4::new(from, 0)),
    )?;
    let to = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
    connect(fd.as_raw_fd(), &SockaddrIn::from(to))?;
    let stream = TcpStream::from(fd);
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    Ok(stream)
}

/// Sends one job in protocol version 1 (plain, uncompressed). `source` is preprocessed. An error
/// is a connection that distccd dropped: that is how it refuses.
pub fn send<S: AsRef<OsStr>>(
    from: Ipv4Addr,
    port: u16,
    argv: &[S],
    source: &[u8],
) -> io::Result<Reply> {
    let mut job = Vec::new();
    token(&mut job, b"DIST", 1);
    token(&mut job, b"ARGC", argv.len());
    for word in argv {
        let word = word.as_ref().as_bytes();
        token(&mut job, b"ARGV", word.len());
        job.extend(word);
    }
    token(&mut job, b"DOTI", source.len());
    job.extend(source);

    let mut stream = connect_from(from, port)?;
    // distccd may drop the connection before it has read everything.
    let sent = stream.write_all(&job);
    let reply = receive(&mut stream);
    if reply.is_err() {
        sent?;
    }
    reply
}

fn receive(stream: &mut TcpStream) -> io::Result<Reply> {
    let mut reply = Reply::default();
    let (name, _) = read_token(stream)?;
    if &name != b"DONE" {
        return Err(invalid(format!("{:?}", name.escape_ascii().to_string())));
    }
    loop {
        let (name, value) = match read_token(stream) {
            Ok(token) => token,
            // distccd closes the connection after its last token.
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(reply),
            Err(e) => return Err(e),
        };
        match &name {
            b"STAT" => reply.status = value,
            b"SERR" => reply.stderr = read_text(stream, value)?,
            b"SOUT" => reply.stdout = read_text(stream, value)?,
            b"DOTO" => reply.object = Some(read_bytes(stream, value)?),
            _ => return Err(invalid(name.escape_ascii().to_string())),
        }
    }
}

fn token(to: &mut Vec<u8>, name: &[u8; 4], value: usize) {
    to.extend(name);
    to.extend(format!("{value:08x}").bytes());
}

fn read_token(stream: &mut TcpStream) -> io::Result<([u8; 4], u32)> {
    let mut token = [0; 12];
    stream.read_exact(&mut token)?;
    let value = std::str::from_utf8(&token[4..])
        .ok()
        .and_then(|text| u32::from_str_radix(text, 16).ok())
        .ok_or_else(|| invalid(token.escape_ascii().to_string()))?;
    Ok(([token[0], token[1], token[2], token[3]], value))
}

fn read_bytes(stream: &mut TcpStream, length: u32) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length as usize];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn read_text(stream: &mut TcpStream, length: u32) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&read_bytes(stream, length)?).into_owned())
}

fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
