/**
 * Who is let in where: each wire, times how somebody comes, times how the server was started. Every cell is carried out by
 * an exchange over real sockets, in `exchanges/`, and what that comes to is written here.
 *
 * `puts` and `takes`: a message with the name as its sender is stored, and the mailbox of the name is read. `in as NAME`:
 * others see the client under that name. Other words are those of the wires: codes, or texts that a client shows.
 *
 * @module
 */

export const MODES = ["open", "required", "accounts admin"] as const;

/** `--auth open`, `--auth required`, and `--accounts admin`. */
export type Mode = typeof MODES[number];

export const WIRES = [
  "original mailbox",
  "session",
  "seal",
  "forum",
  "transfer",
  "channels",
  "channels over TLS",
  "room",
  "room over TLS",
  "http",
  "http over TLS",
  "admin",
] as const;

export type Wire = typeof WIRES[number];

export const CASES = [
  "no account",
  "account of the forum alone",
  "right password",
  "wrong password",
  "absent password",
  "token",
  "expired token",
  "other's name",
  "replay",
  "changed",
  "spoofed source",
  "role user",
  "role admin",
] as const;

export type Case = typeof CASES[number];

/** Why there is no such exchange. */
export interface Impossible {
  not: string;
}

/** The outcome, the same in every mode or by mode. */
export type Cell = string | Impossible | Readonly<Record<Mode, string | Impossible>>;

const not = (why: string): Impossible => ({ not: why });

/** The same whether only the administrator makes accounts, or everybody. */
const byAuth = (open: string, required: string) => ({ open, required, "accounts admin": open });

/** An account that covers the forum alone: a client makes it while the mailbox of its name is not empty. */
const forumAlone = (open: string, required: string) => ({
  open,
  required,
  "accounts admin": not("only the administrator makes accounts, and those cover the mailbox"),
});

const NO_LOGIN = not("the wire has no log-in: who has an account comes under a seal");
const NO_TICKET = not("the session has no log-in then, and gives no ticket: see the forum");
const TCP_ADDRESS = not("the handshake of TCP proves the address");

export const TABLE: Readonly<Record<Wire, Readonly<Record<Case, Cell>>>> = {
  "original mailbox": {
    "no account": byAuth("puts, takes, shares", "dropped, X, xxx, counted 4 times"),
    "account of the forum alone": forumAlone("puts, takes, shares", "dropped, X, xxx"),
    "right password": NO_LOGIN,
    "wrong password": NO_LOGIN,
    "absent password": NO_LOGIN,
    "token": NO_LOGIN,
    "expired token": NO_LOGIN,
    "other's name": byAuth("dropped, X, shares", "dropped, X, xxx"),
    // nothing of the original shows that a datagram was there before, is whole, or comes from its sender
    "replay": byAuth("hello, hello", "dropped"),
    "changed": byAuth("hellp", "dropped"),
    "spoofed source": byAuth("puts, takes, shares", "dropped, X, xxx"),
    "role user": NO_LOGIN,
    "role admin": NO_LOGIN,
  },
  "session": {
    "no account": byAuth("puts, takes, shares", "log in first; and info says so"),
    "account of the forum alone": forumAlone("puts, takes, shares", "log in first"),
    "right password": NO_LOGIN,
    "wrong password": NO_LOGIN,
    "absent password": NO_LOGIN,
    "token": NO_LOGIN,
    "expired token": NO_LOGIN,
    "other's name": byAuth("sender has an account, denied, shares", "log in first"),
    "replay": byAuth("hello", "log in first"),
    // without a seal nothing shows that a datagram was changed
    "changed": byAuth("hellp", "log in first"),
    "spoofed source": byAuth("hello; challenged", "log in first"),
    "role user": NO_LOGIN,
    "role admin": NO_LOGIN,
  },
  "seal": {
    "no account": {
      open: "puts, takes, shares",
      required: "puts, takes, shares",
      "accounts admin": "closed",
    },
    "account of the forum alone": forumAlone("not confirmed", "not confirmed"),
    "right password": "puts, takes, shares",
    "wrong password": "wrong password",
    "absent password": "Cannot use an empty password",
    "token": "puts, takes, shares",
    "expired token": "wrong password",
    "other's name": "sender has an account, denied, shares; not your name, takes, shares",
    "replay": "hello",
    "changed": "hello",
    "spoofed source": "hello; challenged",
    "role user": "sender has an account, denied, shares",
    // the role gives the commands of the administrator, and no other's mailbox
    "role admin": "sender has an account, denied, shares",
  },
  "forum": {
    "no account": { open: "creates", required: "creates", "accounts admin": "closed" },
    "account of the forum alone": forumAlone("creates", "creates"),
    "right password": "creates",
    "wrong password": "wrong password",
    "absent password": "Cannot use an empty password",
    "token": "creates",
    "expired token": "wrong password",
    "other's name": "another's, another's",
    "replay": "hello",
    "changed": "hello",
    "spoofed source": "hello; challenged",
    "role user": "another's, another's",
    "role admin": "another's, another's",
  },
  "transfer": {
    "no account": "P1 no ticket unknown, used or too old",
    "account of the forum alone": forumAlone("hello of carla", "hello of carla"),
    "right password": "hello of alice",
    "wrong password": NO_TICKET,
    "absent password": "P1 no malformed",
    "token": "hello of alice",
    "expired token": NO_TICKET,
    "other's name": "file exists",
    "replay": "hello of alice; P1 no ticket unknown, used or too old",
    "changed": "hello of alice",
    "spoofed source": TCP_ADDRESS,
    "role user": "file exists",
    "role admin": "file exists",
  },
  "channels": {
    "no account": byAuth("in as eve", "closed, kept out"),
    "account of the forum alone": forumAlone("unconfirmed, in as carla", "closed, unconfirmed, kept out"),
    "right password": byAuth("log in first, logged in, in as alice", "closed, logged in, in as alice"),
    "wrong password": byAuth("log in first, wrong, kept out", "closed, wrong, kept out"),
    "absent password": byAuth("log in first, usage, kept out", "closed, usage, kept out"),
    "token": byAuth("log in first, logged in, in as alice", "closed, logged in, in as alice"),
    "expired token": byAuth("log in first, wrong, kept out", "closed, wrong, kept out"),
    "other's name": byAuth("log in first, wrong, kept out", "closed, wrong, kept out"),
    // who can read a connection without TLS is on this machine: elsewhere no password is taken there
    "replay": byAuth("log in first, logged in, in as alice", "closed, logged in, in as alice"),
    "changed": byAuth(
      "log in first, logged in, in as alice, saying hellp",
      "closed, logged in, in as alice, saying hellp",
    ),
    "spoofed source": TCP_ADDRESS,
    "role user": byAuth("log in first, logged in, in as alice", "closed, logged in, in as alice"),
    "role admin": byAuth("log in first, logged in, in as ada", "closed, logged in, in as ada"),
  },
  "channels over TLS": {
    "no account": byAuth("in as eve", "closed, kept out"),
    "account of the forum alone": forumAlone("unconfirmed, in as carla", "closed, unconfirmed, kept out"),
    "right password": byAuth("log in first, logged in, in as alice", "closed, logged in, in as alice"),
    "wrong password": byAuth("log in first, wrong, kept out", "closed, wrong, kept out"),
    "absent password": byAuth("log in first, usage, kept out", "closed, usage, kept out"),
    "token": byAuth("log in first, logged in, in as alice", "closed, logged in, in as alice"),
    "expired token": byAuth("log in first, wrong, kept out", "closed, wrong, kept out"),
    "other's name": byAuth("log in first, wrong, kept out", "closed, wrong, kept out"),
    "replay": "kept out",
    "changed": "kept out",
    "spoofed source": TCP_ADDRESS,
    "role user": byAuth("log in first, logged in, in as alice", "closed, logged in, in as alice"),
    "role admin": byAuth("log in first, logged in, in as ada", "closed, logged in, in as ada"),
  },
  "room": {
    "no account": byAuth("in as an address", "closed, kept out"),
    "account of the forum alone": forumAlone(
      "unconfirmed, in as an address",
      "closed, unconfirmed, kept out",
    ),
    "right password": byAuth("logged in, in as alice", "closed, logged in, in as alice"),
    "wrong password": byAuth("wrong, in as an address", "closed, wrong, kept out"),
    "absent password": byAuth("usage, in as an address", "closed, usage, kept out"),
    "token": byAuth("logged in, in as alice", "closed, logged in, in as alice"),
    "expired token": byAuth("wrong, in as an address", "closed, wrong, kept out"),
    "other's name": byAuth("wrong, in as an address", "closed, wrong, kept out"),
    // who can read a connection without TLS is on this machine: elsewhere no password is taken there
    "replay": byAuth("logged in, in as alice", "closed, logged in, in as alice"),
    "changed": byAuth("logged in, in as alice, saying hellp", "closed, logged in, in as alice, saying hellp"),
    "spoofed source": TCP_ADDRESS,
    "role user": byAuth("logged in, in as alice", "closed, logged in, in as alice"),
    "role admin": byAuth("logged in, in as ada", "closed, logged in, in as ada"),
  },
  "room over TLS": {
    "no account": byAuth("in as an address", "closed, kept out"),
    "account of the forum alone": forumAlone(
      "unconfirmed, in as an address",
      "closed, unconfirmed, kept out",
    ),
    "right password": byAuth("logged in, in as alice", "closed, logged in, in as alice"),
    "wrong password": byAuth("wrong, in as an address", "closed, wrong, kept out"),
    "absent password": byAuth("usage, in as an address", "closed, usage, kept out"),
    "token": byAuth("logged in, in as alice", "closed, logged in, in as alice"),
    "expired token": byAuth("wrong, in as an address", "closed, wrong, kept out"),
    "other's name": byAuth("wrong, in as an address", "closed, wrong, kept out"),
    "replay": "kept out",
    "changed": "kept out",
    "spoofed source": TCP_ADDRESS,
    "role user": byAuth("logged in, in as alice", "closed, logged in, in as alice"),
    "role admin": byAuth("logged in, in as ada", "closed, logged in, in as ada"),
  },
  "http": {
    "no account": byAuth("nobody", "nobody, log in first"),
    "account of the forum alone": forumAlone("in as carla", "in as carla"),
    "right password": "in as alice",
    "wrong password": "wrong log-in",
    "absent password": "wrong log-in",
    "token": "in as alice",
    "expired token": "wrong log-in",
    "other's name": byAuth(
      "wrong log-in; with the cookie, nobody",
      "wrong log-in; with the cookie, nobody, log in first",
    ),
    // who can read a connection without TLS is on this machine: elsewhere a log-in is refused there
    "replay": "in as alice",
    "changed": "wrong log-in",
    "spoofed source": TCP_ADDRESS,
    "role user": "in as alice",
    "role admin": "in as ada, admin",
  },
  "http over TLS": {
    "no account": byAuth("nobody", "nobody, log in first"),
    "account of the forum alone": forumAlone("in as carla", "in as carla"),
    "right password": "in as alice",
    "wrong password": "wrong log-in",
    "absent password": "wrong log-in",
    "token": "in as alice",
    "expired token": "wrong log-in",
    "other's name": byAuth(
      "wrong log-in; with the cookie, nobody",
      "wrong log-in; with the cookie, nobody, log in first",
    ),
    "replay": "closed",
    "changed": "closed",
    "spoofed source": TCP_ADDRESS,
    "role user": "in as alice",
    "role admin": "in as ada, admin",
  },
  "admin": {
    "no account": "wrong proof",
    "account of the forum alone": forumAlone(
      "the account is no administrator's",
      "the account is no administrator's",
    ),
    // the secret is this wire's password
    "right password": "answered",
    "wrong password": "wrong proof",
    "absent password": "no proof: send 'A, challenge'",
    "token": "answered",
    "expired token": "wrong password",
    "other's name": "wrong password",
    "replay": "the same answer, once",
    "changed": "wrong proof",
    "spoofed source": "unknown nonce",
    "role user": "the account is no administrator's",
    "role admin": "answered",
  },
};
