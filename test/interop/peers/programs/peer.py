"""The peer "python": takes orders as peers/program.ts tells, and talks through the ssl module."""

import socket
import ssl
import sys
import threading

CHUNK = 16384
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
# set_ecdh_curve takes one of these; otherwise OpenSSL's defaults stand, which have all we ask for
CURVES = {
    "x25519": "X25519",
    "secp256r1": "prime256v1",
    "secp384r1": "secp384r1",
    "secp521r1": "secp521r1",
    "x448": "X448",
}
NAMES = {"TLSv1.2": "1.2", "TLSv1.3": "1.3"}
output = threading.Lock()
listeners = {}


def say(order_id, word, text):
    with output:
        print(order_id, word, str(text).replace("\n", " "), flush=True)


def context(o, purpose):
    c = ssl.SSLContext(purpose)
    c.minimum_version = c.maximum_version = VERSIONS[o["version"]]
    c.load_verify_locations(o["ca"])
    if "cert" in o:
        c.load_cert_chain(o["cert"], o["key"])
    if "suite" in o and o["version"] == "1.2":
        c.set_ciphers(o["opensslsuite"])
    if o.get("groups") in CURVES:
        c.set_ecdh_curve(CURVES[o["groups"]])
    if "alpn" in o:
        c.set_alpn_protocols([o["alpn"]])
    if o.get("resume") == "id":
        c.options |= ssl.OP_NO_TICKET
    if "clientauth" in o and purpose is ssl.PROTOCOL_TLS_SERVER:
        c.verify_mode = ssl.CERT_REQUIRED
    return c


def finish(tls, we_close):
    """Nothing but a close_notify may come, and one is sent."""
    if not we_close and tls.recv(1):
        raise ValueError("bytes after the payload")
    tls.unwrap()


def facts(tls, o):
    """What can be told of a connection while it is open."""
    suite, _, _ = tls.cipher()
    seen = [f"version={NAMES[tls.version()]}", f"suite={suite}", f"resumed={int(tls.session_reused)}", "clean=1"]
    if "alpn" in o:
        seen.append(f"alpn={tls.selected_alpn_protocol()}")
    names = (tls.getpeercert() or {}).get("subject", ())
    seen += [f"peerCertificate={value}" for part in names for key, value in part if key == "commonName"]
    return " ".join(seen)


def echo(order_id, o, c, raw):
    try:
        raw.settimeout(10)
        with c.wrap_socket(raw, server_side=True, suppress_ragged_eofs=False) as tls:
            seen = facts(tls, o)
            received = 0
            while received < int(o["bytes"]):
                part = tls.recv(CHUNK)
                if not part:
                    raise ValueError(f"closed after {received} bytes")
                received += len(part)
                tls.sendall(part)
            finish(tls, o["closes"] == "server")
            say(order_id, "report", f"{seen} bytes={received}")
    except Exception as error:
        say(order_id, "error", error)


def serve(order_id, o):
    c = context(o, ssl.PROTOCOL_TLS_SERVER)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listeners[order_id] = listener
        say(order_id, "port", listener.getsockname()[1])
        while True:
            try:
                raw, _ = listener.accept()
            except OSError:
                return  # stopped
            echo(order_id, o, c, raw)


def connect(order_id, o):
    c = context(o, ssl.PROTOCOL_TLS_CLIENT)
    with open(o["payload"], "rb") as file:
        payload = file.read()
    session, seen = None, ""
    for _ in range(int(o["connections"])):
        raw = socket.create_connection(("127.0.0.1", int(o["port"])), timeout=10)
        with c.wrap_socket(
            raw, server_hostname="localhost", session=session, suppress_ragged_eofs=False
        ) as tls:
            seen = facts(tls, o)
            for at in range(0, len(payload), CHUNK):
                part = payload[at : at + CHUNK]
                tls.sendall(part)
                back = b""
                while len(back) < len(part):
                    more = tls.recv(CHUNK)
                    if not more:
                        raise ValueError(f"closed after {at + len(back)} bytes")
                    back += more
                if back != part:
                    raise ValueError(f"bytes from {at} on came back changed")
            session = tls.session
            finish(tls, o["closes"] == "client")
    say(order_id, "report", f"{seen} bytes={len(payload)}")


def work(verb, order_id, o):
    try:
        verb(order_id, o)
    except Exception as error:
        say(order_id, "error", error)


for line in sys.stdin:
    order_id, verb, *words = line.split()
    if verb == "stop":
        if order_id in listeners:
            listeners.pop(order_id).shutdown(socket.SHUT_RDWR)
        continue
    order = dict(word.split("=", 1) for word in words)
    threading.Thread(target=work, args=({"serve": serve, "connect": connect}[verb], order_id, order), daemon=True).start()
