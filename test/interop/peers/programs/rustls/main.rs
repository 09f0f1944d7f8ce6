//! The peer "rustls": takes orders as peers/program.ts tells.

use rustls::client::{Resumption, Tls12Resumption};
use rustls::crypto::{ring, CryptoProvider};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, Connection, HandshakeKind, ProtocolVersion, RootCertStore, ServerConfig,
    ServerConnection, SupportedProtocolVersion,
};
use std::collections::HashMap;
use std::error::Error;
use std::io::{stdin, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

type Order = HashMap<String, String>;
type Outcome<T> = Result<T, Box<dyn Error>>;

const CHUNK: usize = 16384;
const GROUPS: [(&str, &str); 3] = [("x25519", "X25519"), ("secp256r1", "P-256"), ("secp384r1", "P-384")];

fn say(id: &str, word: &str, text: &str) {
    println!("{id} {word} {}", text.replace('\n', " "));
}

fn is(o: &Order, key: &str, value: &str) -> bool {
    o.get(key).is_some_and(|v| v == value)
}

fn number(o: &Order, key: &str) -> usize {
    o[key].parse().unwrap_or(0)
}

fn provider(o: &Order) -> Arc<CryptoProvider> {
    let mut p = ring::default_provider();
    if let Some(name) = o.get("suite") {
        p.cipher_suites.retain(|s| format!("{:?}", s.suite()).replace("TLS13_", "TLS_") == *name);
    }
    if let Some(names) = o.get("groups") {
        let all = p.kx_groups;
        let named = |name: &str| all.iter().find(|g| format!("{:?}", g.name()).eq_ignore_ascii_case(name)).copied();
        p.kx_groups = names.split(',').filter_map(named).collect();
    }
    Arc::new(p)
}

fn versions(o: &Order) -> [&'static SupportedProtocolVersion; 1] {
    [if is(o, "version", "1.3") { &TLS13 } else { &TLS12 }]
}

fn roots(o: &Order) -> Outcome<Arc<RootCertStore>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&o["ca"])?)?;
    Ok(Arc::new(roots))
}

fn identity(o: &Order) -> Outcome<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    Ok((vec![CertificateDer::from_pem_file(&o["cert"])?], PrivateKeyDer::from_pem_file(&o["key"])?))
}

fn alpn(o: &Order) -> Vec<Vec<u8>> {
    o.get("alpn").map(|name| name.as_bytes().to_vec()).into_iter().collect()
}

/// A connection with its socket, blocking.
struct Talk {
    tls: Connection,
    socket: TcpStream,
}

impl Talk {
    /// The length of what came; 0 at the peer's close_notify.
    fn read(&mut self, into: &mut [u8]) -> Outcome<usize> {
        loop {
            match self.tls.reader().read(into) {
                Ok(n) => return Ok(n),
                Err(e) if e.kind() == ErrorKind::WouldBlock => self.tls.complete_io(&mut self.socket)?,
                Err(e) => return Err(e.into()),
            };
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Outcome<()> {
        self.tls.writer().write_all(bytes)?;
        self.flush()
    }

    fn flush(&mut self) -> Outcome<()> {
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.socket)?;
        }
        Ok(())
    }

    fn update_keys(&mut self) -> Outcome<()> {
        self.tls.refresh_traffic_keys()?;
        self.flush()
    }

    /// Nothing but a close_notify may come, and one is sent.
    fn finish(&mut self, we_close: bool) -> Outcome<()> {
        if we_close {
            self.tls.send_close_notify();
            self.flush()?;
        }
        if self.read(&mut [0])? > 0 {
            return Err("bytes after the payload".into());
        }
        if !we_close {
            self.tls.send_close_notify();
            self.flush()?;
        }
        Ok(())
    }

    fn report(&self, id: &str, o: &Order, bytes: usize) {
        let version = if self.tls.protocol_version() == Some(ProtocolVersion::TLSv1_3) { "1.3" } else { "1.2" };
        let mut seen = format!("version={version} bytes={bytes} clean=1");
        if let Some(suite) = self.tls.negotiated_cipher_suite() {
            seen += &format!(" suite={:?}", suite.suite()).replace("TLS13_", "TLS_");
        }
        if let Some(group) = self.tls.negotiated_key_exchange_group() {
            let name = format!("{:?}", group.name());
            let known = GROUPS.iter().find(|(theirs, _)| name.eq_ignore_ascii_case(theirs));
            seen += &known.map_or(String::new(), |(_, ours)| format!(" group={ours}"));
        }
        if o.contains_key("alpn") {
            let name = self.tls.alpn_protocol().unwrap_or(b"none");
            seen += &format!(" alpn={}", String::from_utf8_lossy(name));
        }
        let kind = self.tls.handshake_kind();
        seen += &format!(" resumed={}", u8::from(kind == Some(HandshakeKind::Resumed)));
        seen += &format!(" retried={}", u8::from(kind == Some(HandshakeKind::FullWithHelloRetryRequest)));
        say(id, "report", &seen);
    }
}

fn echo(id: &str, o: &Order, config: Arc<ServerConfig>, socket: TcpStream) -> Outcome<()> {
    let mut talk = Talk { tls: ServerConnection::new(config)?.into(), socket };
    let mut buffer = [0; CHUNK];
    let mut received = 0;
    if is(o, "earlydata", "1") {
        talk.tls.complete_io(&mut talk.socket)?;
        let mut early = Vec::new();
        if let Connection::Server(server) = &mut talk.tls {
            if let Some(mut reader) = server.early_data() {
                reader.read_to_end(&mut early)?;
            }
        }
        received += early.len();
        talk.write(&early)?;
    }
    while received < number(o, "bytes") {
        let n = match talk.read(&mut buffer) {
            Ok(0) => return Err(format!("closed after {received} bytes").into()),
            Ok(n) => n,
            Err(e) => {
                let _ = talk.flush(); // the alert
                return Err(e);
            }
        };
        if received == 0 && is(o, "keyupdate", "server") {
            talk.update_keys()?;
        }
        received += n;
        talk.write(&buffer[..n])?;
    }
    talk.finish(is(o, "closes", "server"))?;
    talk.report(id, o, received);
    Ok(())
}

fn serve(id: &str, o: &Order, stopped: Arc<AtomicBool>, ports: Arc<Mutex<HashMap<String, u16>>>) -> Outcome<()> {
    let builder = ServerConfig::builder_with_provider(provider(o)).with_protocol_versions(&versions(o))?;
    let builder = match o.contains_key("clientauth") {
        true => builder.with_client_cert_verifier(
            WebPkiClientVerifier::builder_with_provider(roots(o)?, ring::default_provider().into()).build()?,
        ),
        false => builder.with_no_client_auth(),
    };
    let (chain, key) = identity(o)?;
    let mut config = builder.with_single_cert(chain, key)?;
    config.alpn_protocols = alpn(o);
    if is(o, "earlydata", "1") {
        // only for sessions that it keeps itself
        config.max_early_data_size = CHUNK as u32;
    } else if is(o, "resume", "ticket") {
        config.ticketer = ring::Ticketer::new()?;
    }
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    ports.lock().unwrap().insert(id.to_string(), port);
    say(id, "port", &port.to_string());
    for socket in listener.incoming() {
        if stopped.load(Ordering::SeqCst) {
            break;
        }
        if let Err(e) = echo(id, o, config.clone(), socket?) {
            say(id, "error", &e.to_string());
        }
    }
    Ok(())
}

fn connect(id: &str, o: &Order) -> Outcome<()> {
    let builder = ClientConfig::builder_with_provider(provider(o))
        .with_protocol_versions(&versions(o))?
        .with_root_certificates(roots(o)?);
    let mut config = match o.contains_key("cert") {
        true => identity(o).and_then(|(chain, key)| Ok(builder.with_client_auth_cert(chain, key)?))?,
        false => builder.with_no_client_auth(),
    };
    config.alpn_protocols = alpn(o);
    config.resumption = Resumption::in_memory_sessions(4).tls12_resumption(match is(o, "resume", "id") {
        true => Tls12Resumption::SessionIdOnly,
        false => Tls12Resumption::SessionIdOrTickets,
    });
    config.enable_early_data = is(o, "earlydata", "1");
    let config = Arc::new(config);
    let payload = std::fs::read(&o["payload"])?;
    for i in 1..=number(o, "connections") {
        let socket = TcpStream::connect(("127.0.0.1", o["port"].parse()?))?;
        let mut tls = ClientConnection::new(config.clone(), ServerName::try_from("localhost")?)?;
        let hurried = match tls.early_data() {
            Some(mut early) => early.write(&payload)? == payload.len(),
            None => false,
        };
        let mut talk = Talk { tls: tls.into(), socket };
        if hurried {
            talk.tls.complete_io(&mut talk.socket)?;
            match &talk.tls {
                Connection::Client(client) if client.is_early_data_accepted() => {}
                _ => return Err("early data was not accepted".into()),
            }
        }
        for (at, part) in payload.chunks(CHUNK).enumerate() {
            if at == 1 && is(o, "keyupdate", "client") {
                talk.update_keys()?;
            }
            if !hurried {
                talk.write(part)?;
            }
            let mut back = vec![0; part.len()];
            let mut filled = 0;
            while filled < back.len() {
                match talk.read(&mut back[filled..])? {
                    0 => return Err(format!("closed after {} bytes", at * CHUNK + filled).into()),
                    n => filled += n,
                }
            }
            if back != part {
                return Err(format!("bytes from {} on came back changed", at * CHUNK).into());
            }
        }
        talk.finish(is(o, "closes", "client"))?;
        if i == number(o, "connections") {
            talk.report(id, o, payload.len());
        }
    }
    Ok(())
}

fn main() {
    let stops: Mutex<HashMap<String, Arc<AtomicBool>>> = Mutex::default();
    let ports: Arc<Mutex<HashMap<String, u16>>> = Arc::default();
    for line in stdin().lines().map_while(Result::ok) {
        let mut words = line.split(' ').map(str::to_string);
        let (Some(id), Some(verb)) = (words.next(), words.next()) else { continue };
        let o: Order = words.filter_map(|w| w.split_once('=').map(|(k, v)| (k.into(), v.into()))).collect();
        if verb == "stop" {
            // accept() returns only for a connection, so it gets one
            if let (Some(stop), Some(port)) = (stops.lock().unwrap().remove(&id), ports.lock().unwrap().remove(&id)) {
                stop.store(true, Ordering::SeqCst);
                let _ = TcpStream::connect(("127.0.0.1", port));
            }
            continue;
        }
        let stopped = Arc::new(AtomicBool::new(false));
        stops.lock().unwrap().insert(id.clone(), stopped.clone());
        let ports = ports.clone();
        thread::spawn(move || {
            let result = if verb == "serve" { serve(&id, &o, stopped, ports) } else { connect(&id, &o) };
            if let Err(e) = result {
                say(&id, "error", &e.to_string());
            }
        });
    }
}
