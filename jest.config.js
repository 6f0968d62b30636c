/** Unit tests mirror src/; integration tests start a real containerd of their own, e2e tests a kubelet besides. */
const swc = {
  '^.+\\.ts$': ['@swc/jest', { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'commonjs' } }],
};
const project = (name) => ({
  displayName: name,
  rootDir: __dirname,
  testMatch: [`<rootDir>/test/${name}/**/*.test.ts`],
  transform: swc,
  testEnvironment: 'node',
});
module.exports = {
  projects: [project('unit'), project('integration'), project('e2e')],
  testTimeout: 60_000, // machines are shared: a limit is for what hangs, not for what is slow
};
