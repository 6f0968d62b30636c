import { infraAsked } from '../../support/infra';

describe('INFRA', () => {
  it('is one of two words, or nothing', () => {
    expect(['always', 'auto', '', undefined].map((INFRA) => infraAsked({ INFRA }))).toEqual([
      'always',
      'auto',
      undefined,
      undefined,
    ]);
    expect(() => infraAsked({ INFRA: 'never' })).toThrow('INFRA is always or auto, not never');
  });
});
