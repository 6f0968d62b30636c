import { withBlock } from '../../../bench/report/document';

const page = 'before\n<!-- numbers: written by make bench -->\nold\n<!-- end of numbers -->\nafter\n';

describe('the document', () => {
  it('gets a new block and keeps what stands around it', () =>
    expect(withBlock(page, 'numbers', '\nnew\n')).toBe(
      'before\n<!-- numbers: written by make bench -->\n\nnew\n\n<!-- end of numbers -->\nafter\n',
    ));

  it('is the same when the block is', () => {
    const once = withBlock(page, 'numbers', 'new');
    expect(withBlock(once, 'numbers', 'new')).toBe(once);
  });

  it.each([
    ['no such block', 'nothing'],
    ['an end before its beginning', '<!-- end of numbers --> <!-- numbers: written by make bench -->'],
    ['no end', '<!-- numbers: written by make bench -->'],
  ])('is refused with %s', (_, text) => expect(() => withBlock(text, 'numbers', 'new')).toThrow('no block "numbers"'));
});
