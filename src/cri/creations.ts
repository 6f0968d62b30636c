/**
 * Creations under way, by name and by what is asked for. kubelet gives up waiting after two to four minutes and asks again with
 * the same name: the second call must wait for the first and answer its result, not fail because the name is taken.
 */
export class Creations {
  private readonly running = new Map<string, Promise<string>>();

  /**
   * The id that `make` creates, or that an equal call under way creates. When that one fails (its caller may have gone),
   * this call makes its own attempt. A call that asks for something else under the same name runs into the name itself, and
   * changes nothing for the calls that are equal to the first.
   */
  async join(name: string, fingerprint: string, make: () => Promise<string>): Promise<string> {
    const key = `${JSON.stringify(name)}${fingerprint}`;
    const running = this.running.get(key);
    if (running) {
      const id = await running.catch(() => undefined);
      if (id !== undefined) return id;
      // Another caller that waited may have begun its own attempt meanwhile.
      const next = this.running.get(key);
      if (next && next !== running) return this.join(name, fingerprint, make);
    }
    const creation = make();
    this.running.set(key, creation);
    try {
      return await creation;
    } finally {
      if (this.running.get(key) === creation) this.running.delete(key);
    }
  }
}
