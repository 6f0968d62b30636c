interface Listeners {
  readonly acts: Set<() => void>;
  readonly fire: () => void;
}

const listenersOf = new WeakMap<AbortSignal, Listeners>();

/**
 * Calls `act` when the signal fires, at once if it has. Answers how to take that back. The signal has one listener for all that
 * wait for it: EventTarget compares a new listener with each of the others, so that thousands would take quadratic time.
 */
export function onAbort(signal: AbortSignal, act: () => void): () => void {
  if (signal.aborted) {
    act();
    return () => undefined;
  }
  const listeners = listenersOf.get(signal) ?? listen(signal);
  const own = (): void => act(); // the same function may wait twice
  listeners.acts.add(own);
  return () => {
    if (!listeners.acts.delete(own) || listeners.acts.size > 0) return;
    signal.removeEventListener('abort', listeners.fire);
    listenersOf.delete(signal);
  };
}

function listen(signal: AbortSignal): Listeners {
  const acts = new Set<() => void>();
  const fire = (): void => {
    listenersOf.delete(signal);
    for (const act of acts) act();
  };
  const listeners = { acts, fire };
  listenersOf.set(signal, listeners);
  signal.addEventListener('abort', fire, { once: true });
  return listeners;
}
