/**
 * The program of the local pause image: a static ELF executable of a few hundred bytes, written here instruction by
 * instruction, so that building it needs no compiler. It
 *  - ignores SIGCHLD: the kernel then reaps the children of the pod's first process itself, as `wait` would;
 *  - exits with 0 on SIGTERM and SIGINT, for which the first process of a PID namespace needs handlers of its own;
 *  - sleeps until a signal comes, for ever.
 */

export type Architecture = 'amd64' | 'arm64';

const SIGINT = 2;
const SIGTERM = 15;
const SIGCHLD = 17;
const SIG_IGN = 1n;
/** x86-64 refuses to run a handler whose action does not name a restorer. Ours never returns, so any address will do. */
const SA_RESTORER = 0x04000000n;
const SIGSET_BYTES = 8;

/** Where the file is mapped. A multiple of 64 KiB, the largest page size of arm64. */
const BASE = 0x400000;
const PAGE = 0x10000;
const HEADER_BYTES = 64 + 2 * 56;

interface Layout {
  /** Address of the code that exits. */
  readonly handler: number;
  /** Address of the action that ignores a signal. */
  readonly ignore: number;
  /** Address of the action that calls the handler. */
  readonly exit: number;
}

interface Machine {
  readonly elfMachine: number;
  readonly setAction: (signal: number, action: number) => Buffer;
  readonly sleepForEver: () => Buffer;
  readonly exit: () => Buffer;
}

/** The bytes of the executable. */
export function pauseElf(architecture: Architecture): Buffer {
  const machine = MACHINES[architecture];
  const main = (layout: Layout): Buffer =>
    Buffer.concat([
      machine.setAction(SIGCHLD, layout.ignore),
      machine.setAction(SIGTERM, layout.exit),
      machine.setAction(SIGINT, layout.exit),
      machine.sleepForEver(),
    ]);
  // Every instruction has a fixed length, so a first pass with any addresses shows where things will lie.
  const handler = BASE + HEADER_BYTES + main({ handler: BASE, ignore: BASE, exit: BASE }).length;
  const ignore = alignTo8(handler + machine.exit().length);
  const layout = { handler, ignore, exit: ignore + 32 };
  const padding = Buffer.alloc(layout.ignore - handler - machine.exit().length);
  const actions = Buffer.concat([
    kernelSigaction(SIG_IGN, 0n, 0n),
    kernelSigaction(BigInt(handler), SA_RESTORER, BigInt(handler)),
  ]);
  const body = Buffer.concat([main(layout), machine.exit(), padding, actions]);
  return Buffer.concat([elfHeader(machine.elfMachine), loadHeader(HEADER_BYTES + body.length), stackHeader(), body]);
}

const alignTo8 = (address: number): number => Math.ceil(address / 8) * 8;

/** The kernel's struct sigaction, the same on both machines: handler, flags, restorer, mask of one 64-bit word. */
function kernelSigaction(handler: bigint, flags: bigint, restorer: bigint): Buffer {
  const action = Buffer.alloc(32);
  action.writeBigUInt64LE(handler, 0);
  action.writeBigUInt64LE(flags, 8);
  action.writeBigUInt64LE(restorer, 16);
  return action;
}

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
};
const SYSCALL = Buffer.from([0x0f, 0x05]);

/** System call number in eax, arguments in edi, esi, edx, r10d; writing a 32-bit register clears its upper half. */
const AMD64: Machine = {
  elfMachine: 62,
  setAction: (signal, action) =>
    Buffer.concat([
      Buffer.from([0xbf]), // mov edi, signal
      u32(signal),
      Buffer.from([0xbe]), // mov esi, action
      u32(action),
      Buffer.from([0x31, 0xd2]), // xor edx, edx: the old action is not wanted
      Buffer.from([0x41, 0xba]), // mov r10d, size of a signal set
      u32(SIGSET_BYTES),
      Buffer.from([0xb8]), // mov eax, rt_sigaction
      u32(13),
      SYSCALL,
    ]),
  sleepForEver: () =>
    Buffer.concat([
      Buffer.from([0xb8]), // mov eax, pause
      u32(34),
      SYSCALL,
      Buffer.from([0xeb, 0xf7]), // jmp back over these nine bytes
    ]),
  exit: () =>
    Buffer.concat([
      Buffer.from([0x31, 0xff]), // xor edi, edi: status 0
      Buffer.from([0xb8]), // mov eax, exit_group
      u32(231),
      SYSCALL,
    ]),
};

const movz = (register: number, value: number): Buffer => u32(0xd2800000 | (value << 5) | register);
/** Puts `value` into bits 16 to 31 and keeps the rest. */
const movkHigh = (register: number, value: number): Buffer => u32(0xf2a00000 | (value << 5) | register);
const SVC = u32(0xd4000001);

/** System call number in x8, arguments from x0. There is no `pause` here: ppoll of nothing sleeps as well. */
const ARM64: Machine = {
  elfMachine: 183,
  setAction: (signal, action) =>
    Buffer.concat([
      movz(0, signal),
      movz(1, action & 0xffff),
      movkHigh(1, action >>> 16),
      movz(2, 0), // the old action is not wanted
      movz(3, SIGSET_BYTES),
      movz(8, 134), // rt_sigaction
      SVC,
    ]),
  sleepForEver: () =>
    Buffer.concat([
      movz(0, 0), // no descriptors
      movz(1, 0),
      movz(2, 0), // no timeout
      movz(3, 0), // no signal mask
      movz(4, SIGSET_BYTES),
      movz(8, 73), // ppoll
      SVC,
      u32(0x14000000 | (-7 & 0x03ffffff)), // b: seven instructions back
    ]),
  exit: () => Buffer.concat([movz(0, 0), movz(8, 94) /* exit_group */, SVC]),
};

const MACHINES: Readonly<Record<Architecture, Machine>> = { amd64: AMD64, arm64: ARM64 };

function elfHeader(machine: number): Buffer {
  const header = Buffer.alloc(64);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(header); // ELF, 64-bit, little endian, version 1
  header.writeUInt16LE(2, 16); // an executable
  header.writeUInt16LE(machine, 18);
  header.writeUInt32LE(1, 20); // version
  header.writeBigUInt64LE(BigInt(BASE + HEADER_BYTES), 24); // entry point
  header.writeBigUInt64LE(64n, 32); // program headers follow
  header.writeUInt16LE(64, 52); // size of this header
  header.writeUInt16LE(56, 54); // size of a program header
  header.writeUInt16LE(2, 56); // how many
  return header;
}

/** The whole file, mapped readable and executable. */
function loadHeader(size: number): Buffer {
  const header = Buffer.alloc(56);
  header.writeUInt32LE(1, 0); // PT_LOAD
  header.writeUInt32LE(5, 4); // read, execute
  header.writeBigUInt64LE(BigInt(BASE), 16);
  header.writeBigUInt64LE(BigInt(BASE), 24);
  header.writeBigUInt64LE(BigInt(size), 32);
  header.writeBigUInt64LE(BigInt(size), 40);
  header.writeBigUInt64LE(BigInt(PAGE), 48);
  return header;
}

/** Without this header the kernel makes the stack executable. */
function stackHeader(): Buffer {
  const header = Buffer.alloc(56);
  header.writeUInt32LE(0x6474e551, 0); // PT_GNU_STACK
  header.writeUInt32LE(6, 4); // read, write
  header.writeBigUInt64LE(16n, 48);
  return header;
}
