/** Many may pass at once, or one alone. Whoever comes while one waits to be alone waits behind it. */
export class Gate {
  private inside = 0;
  private alone: Promise<void> | undefined;
  private onEmpty: () => void = () => undefined;

  /** Runs `act` beside others of its kind. */
  async shared<T>(act: () => Promise<T>): Promise<T> {
    while (this.alone) await this.alone;
    this.inside++;
    try {
      return await act();
    } finally {
      this.inside--;
      if (this.inside === 0) this.onEmpty();
    }
  }

  /** Runs `act` when nobody is inside, and keeps everybody out meanwhile. */
  async exclusive<T>(act: () => Promise<T>): Promise<T> {
    while (this.alone) await this.alone;
    let open: () => void = () => undefined;
    this.alone = new Promise((resolve) => {
      open = resolve;
    });
    try {
      if (this.inside > 0) {
        await new Promise<void>((resolve) => {
          this.onEmpty = resolve;
        });
      }
      return await act();
    } finally {
      this.alone = undefined;
      open();
    }
  }
}
