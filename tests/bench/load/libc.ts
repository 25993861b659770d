/**
 * The C library's sockets, for loads that have to be faster than the servers that they measure: a call takes a tenth of
 * what one of Deno's takes, and the kernel says which of 1,000 sockets has something. Linux with glibc only.
 *
 * @module
 */

const { symbols: libc } = Deno.dlopen("libc.so.6", {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  // a length fits in 32 bits, which are no BigInt
  send: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
});

const AF_INET = 2,
  SOCK_STREAM = 1,
  SOCK_DGRAM = 2,
  IPPROTO_TCP = 6,
  TCP_NODELAY = 1,
  SOL_SOCKET = 1,
  SO_RCVBUF = 8;
const MSG_DONTWAIT = 0x40, MSG_NOSIGNAL = 0x4000, EPOLLIN = 1, EPOLL_CTL_ADD = 1;

/** `struct epoll_event`, which is packed on this one processor. */
const PACKED = Deno.build.arch === "x86_64", EVENT_BYTES = PACKED ? 12 : 16, DATA_AT = PACKED ? 4 : 8;

/** A signal may interrupt one. */
const RECEIVE_ATTEMPTS = 3;

/** Events of one wait, at most. */
const EVENTS = 512;

/** A socket that is connected to a port of this machine. */
export class Socket implements Disposable {
  readonly descriptor: number;

  /** @param receiveBytes How much the system keeps of what is not read; as much as it likes by default. */
  constructor(transport: "tcp" | "udp", port: number, receiveBytes?: number) {
    this.descriptor = libc.socket(AF_INET, transport === "tcp" ? SOCK_STREAM : SOCK_DGRAM, 0);
    if (receiveBytes !== undefined) {
      libc.setsockopt(this.descriptor, SOL_SOCKET, SO_RCVBUF, new Int32Array([receiveBytes]), 4);
    }
    const address = new DataView(new ArrayBuffer(16));
    address.setUint16(0, AF_INET, true);
    address.setUint16(2, port);
    address.setUint32(4, 0x7f000001);
    if (libc.connect(this.descriptor, address, 16) !== 0) {
      throw new Error(`Cannot connect to ${transport} 127.0.0.1:${port}`);
    }
    const one = new Int32Array([1]);
    if (transport === "tcp") libc.setsockopt(this.descriptor, IPPROTO_TCP, TCP_NODELAY, one, 4);
  }

  /** Sends what can be sent at once. Returns its length, or a negative number if there is no room. */
  send(bytes: Uint8Array<ArrayBuffer>): number {
    return libc.send(this.descriptor, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL);
  }

  /** Sends all, and waits where there is no room. */
  sendAll(bytes: Uint8Array<ArrayBuffer>) {
    const sent = libc.send(this.descriptor, bytes, bytes.length, MSG_NOSIGNAL);
    if (sent !== bytes.length) throw new Error("Cannot send: the server has closed");
  }

  /** Receives what has come. Returns its length: 0 if the server has closed, negative if there is nothing. */
  receive(buffer: Uint8Array<ArrayBuffer>): number {
    return libc.recv(this.descriptor, buffer, buffer.length, MSG_DONTWAIT);
  }

  /**
   * Waits for something, and returns its length.
   *
   * @throws {Error} The server has closed.
   */
  receiveSomething(buffer: Uint8Array<ArrayBuffer>): number {
    for (let attempt = 0; attempt < RECEIVE_ATTEMPTS; attempt++) {
      const length = libc.recv(this.descriptor, buffer, buffer.length, 0);
      if (length > 0) return length;
      if (length === 0) throw new Error("Cannot receive: the server has closed");
    }
    throw new Error("Cannot receive: the connection was reset");
  }

  [Symbol.dispose]() {
    libc.close(this.descriptor);
  }
}

/** Waits for several sockets. */
export class Poll implements Disposable {
  readonly #descriptor = libc.epoll_create1(0);
  readonly #events = new DataView(new ArrayBuffer(EVENTS * EVENT_BYTES));

  /** @param number What {@linkcode wait} names it by. */
  add(socket: Socket, number: number) {
    const event = new DataView(new ArrayBuffer(EVENT_BYTES));
    event.setUint32(0, EPOLLIN, true);
    event.setUint32(DATA_AT, number, true);
    libc.epoll_ctl(this.#descriptor, EPOLL_CTL_ADD, socket.descriptor, event);
  }

  /** Calls back for each socket that has something; for none if there was nothing for so long. */
  wait(ms: number, ready: (number: number) => void) {
    const count = libc.epoll_wait(this.#descriptor, this.#events, EVENTS, ms);
    for (let i = 0; i < count; i++) ready(this.#events.getUint32(i * EVENT_BYTES + DATA_AT, true));
  }

  [Symbol.dispose]() {
    libc.close(this.#descriptor);
  }
}
