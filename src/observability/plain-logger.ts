import { stringifyJson } from '../base/json/json';
import type { LogFields, Logger } from '../base/logger';

/** A Logger that makes one JSON line of each call and no fuss, for processes in which winston would be most of the memory. */
export function plainLogger(write: (line: string) => void): Logger {
  const bind = (bound: LogFields): Logger => {
    const at =
      (level: string): Logger['info'] =>
      (message, fields) =>
        write(`${stringifyJson({ time: new Date().toISOString(), level, message, ...bound, ...fields })}\n`);
    return {
      debugEnabled: false,
      debug: () => undefined,
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      child: (fields) => bind({ ...bound, ...fields }),
    };
  };
  return bind({});
}
