import { newId, newSuffix } from '../../../src/base/ids';

it('newId answers 64 lower-case hexadecimal digits', () => {
  expect(newId()).toMatch(/^[0-9a-f]{64}$/);
});

it('newSuffix answers 12 lower-case hexadecimal digits', () => {
  expect(newSuffix()).toMatch(/^[0-9a-f]{12}$/);
});

it.each([newId, newSuffix])('%p answers another one each time', (make) => {
  expect(new Set(Array.from({ length: 1000 }, make)).size).toBe(1000);
});
