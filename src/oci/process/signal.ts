import { Signal } from '../../../generated/cri/v1/api';

/** Numbers on every Linux architecture that Node runs on, by name without SIG. */
const NUMBERS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    ABRT: 6,
    ALRM: 14,
    BUS: 7,
    CHLD: 17,
    CLD: 17,
    CONT: 18,
    FPE: 8,
    HUP: 1,
    ILL: 4,
    INT: 2,
    IO: 29,
    IOT: 6,
    KILL: 9,
    PIPE: 13,
    POLL: 29,
    PROF: 27,
    PWR: 30,
    QUIT: 3,
    SEGV: 11,
    STKFLT: 16,
    STOP: 19,
    SYS: 31,
    TERM: 15,
    TRAP: 5,
    TSTP: 20,
    TTIN: 21,
    TTOU: 22,
    URG: 23,
    USR1: 10,
    USR2: 12,
    VTALRM: 26,
    WINCH: 28,
    XCPU: 24,
    XFSZ: 25,
  }),
);

/** As libc counts them: it keeps 32 and 33 for itself. */
const RTMIN = 34;
const RTMAX = 64;

function realTime(name: string): number | undefined {
  const match = /^RT(MIN|MAX)(?:([+-])([0-9]{1,2}))?$/.exec(name);
  if (!match) return undefined;
  const [, end, sign, digits = '0'] = match;
  if ((end === 'MIN' && sign === '-') || (end === 'MAX' && sign === '+')) return undefined;
  const number = end === 'MIN' ? RTMIN + Number(digits) : RTMAX - Number(digits);
  return number >= RTMIN && number <= RTMAX ? number : undefined;
}

/** The number of `SIGTERM`, `term`, `SIGRTMIN+3` or `15`; undefined when it is no signal. */
export function parseSignal(text: string): number | undefined {
  if (/^[0-9]{1,3}$/.test(text)) {
    const number = Number(text);
    return number >= 1 && number <= RTMAX ? number : undefined;
  }
  const upper = text.toUpperCase();
  const name = upper.startsWith('SIG') ? upper.slice(3) : upper;
  return NUMBERS.get(name) ?? realTime(name);
}

/** CRI's name for a signal as images write it: SIGRTMINPLUS3 is `SIGRTMIN+3`. Empty for RUNTIME_DEFAULT. */
export function signalName(signal: Signal): string {
  if (signal === Signal.RUNTIME_DEFAULT) return '';
  return (Signal[signal] ?? '').replace('PLUS', '+').replace('MINUS', '-');
}

/** CRI's enum for a signal as an image or a container config writes it; RUNTIME_DEFAULT when CRI has none for it. */
export function criSignal(text: string): Signal {
  const number = parseSignal(text);
  if (number === undefined) return Signal.RUNTIME_DEFAULT;
  const upper = text.toUpperCase();
  const exact = Object.values(Signal).find((each) => typeof each === 'number' && signalName(each) === upper);
  if (typeof exact === 'number') return exact;
  const equal = Object.values(Signal).find(
    (each) => typeof each === 'number' && parseSignal(signalName(each)) === number,
  );
  return typeof equal === 'number' ? equal : Signal.RUNTIME_DEFAULT;
}

/** The stop signal as text: the request's, else the image's, else SIGTERM. */
export function stopSignal(asked: Signal, image: string): string {
  return signalName(asked) || image || 'SIGTERM';
}
