import { Signal } from '../../generated/cri/v1/api';

/** The name of a signal that CRI numbers its own way (`SIGTERM`, `SIGRTMIN+3`); empty for the runtime's default. */
export function signalName(signal: Signal): string {
  if (signal === Signal.RUNTIME_DEFAULT) return '';
  const name: string | undefined = Signal[signal];
  return (name ?? '').replace('PLUS', '+').replace('MINUS', '-');
}
