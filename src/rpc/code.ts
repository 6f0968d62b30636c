/** gRPC's status codes by their numbers on the wire. */
export const Code = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

export type Code = (typeof Code)[keyof typeof Code];

const NAMES = new Map<number, keyof typeof Code>(
  Object.entries(Code).map(([name, code]) => [code, name as keyof typeof Code]),
);

/** The name of a code, for logs; a number nobody knows is UNKNOWN. */
export function codeName(code: number): keyof typeof Code {
  return NAMES.get(code) ?? 'UNKNOWN';
}

/** The code that a number on the wire stands for; a number nobody knows is UNKNOWN. */
export function toCode(code: number): Code {
  return Code[codeName(code)];
}
