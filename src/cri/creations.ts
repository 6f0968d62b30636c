/** One creation under way: what was asked for, and what comes of it. */
interface Creation {
  readonly fingerprint: string;
  readonly result: Promise<string>;
}

/**
 * Creations under way, by name. kubelet gives up waiting after two to four minutes and asks again with the same name: the
 * second call must wait for the first and answer its result, not fail because the name is taken.
 */
export class Creations {
  private readonly running = new Map<string, Creation>();

  /**
   * The id that `make` creates, or that an equal call under way creates. When that one fails (its caller may have gone),
   * this call makes its own attempt. A call that asks for something else under the same name runs into the name itself.
   */
  async join(name: string, fingerprint: string, make: () => Promise<string>): Promise<string> {
    const running = this.running.get(name);
    if (running?.fingerprint === fingerprint) {
      const id = await running.result.catch(() => undefined);
      if (id !== undefined) return id;
    }
    // Another caller that waited may have begun its own attempt meanwhile.
    const next = this.running.get(name);
    if (next && next !== running && next.fingerprint === fingerprint) return this.join(name, fingerprint, make);
    const creation: Creation = { fingerprint, result: make() };
    this.running.set(name, creation);
    try {
      return await creation.result;
    } finally {
      if (this.running.get(name) === creation) this.running.delete(name);
    }
  }
}
