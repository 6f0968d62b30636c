import type { Attachment, LastingStdio, StdioSpec } from '../../src/stdio/stdio-service';

/** The stdio of containers as a record: what is open, and into which log it goes. */
export class FakeStdio implements LastingStdio {
  readonly opened = new Map<string, StdioSpec>();
  /** Every id that was drained, in order. */
  readonly drained: string[] = [];

  async open(spec: StdioSpec): Promise<void> {
    if (!this.opened.has(spec.id)) this.opened.set(spec.id, { ...spec });
  }

  async takeUp(spec: StdioSpec): Promise<void> {
    await this.open(spec);
  }

  async reopen(id: string, logPath: string): Promise<void> {
    this.of(id).logPath = logPath;
  }

  async attach(): Promise<Attachment> {
    throw new Error('nobody attaches to a fake');
  }

  async drain(id: string): Promise<boolean> {
    this.drained.push(id);
    this.opened.delete(id);
    return true;
  }

  async close(id: string): Promise<void> {
    this.opened.delete(id);
  }

  async list(): Promise<string[]> {
    return [...this.opened.keys()];
  }

  async leave(): Promise<void> {
    this.opened.clear();
  }

  private of(id: string): StdioSpec {
    const spec = this.opened.get(id);
    if (!spec) throw new Error(`the stdio of "${id}" is not open`);
    return spec;
  }
}
