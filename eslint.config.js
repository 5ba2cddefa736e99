import eslint from '@eslint/js'
import tsdoc from 'eslint-plugin-tsdoc'
import tseslint from 'typescript-eslint'

export default tseslint.config(
  { ignores: ['**/node_modules/', '.keyhold/', 'coverage/'] },
  eslint.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname },
    },
    plugins: { tsdoc },
    rules: {
      'tsdoc/syntax': 'error',
      'no-console': 'error',
      // A comment is a plain sentence, with its subject first.
      'no-warning-comments': ['error', { terms: ['what'], location: 'start', decoration: ['*'] }],
      eqeqeq: 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/prefer-nullish-coalescing': ['error', { ignorePrimitives: true }],
      // Decryption without an explicit tag length accepts four-byte tags: one file may do it, with care.
      'no-restricted-imports': [
        'error',
        {
          paths: [
            {
              name: 'node:crypto',
              importNames: ['createDecipheriv'],
              message: 'Only core/src/cobblestone.ts (and local-kms, which plays AWS) may decrypt.',
            },
          ],
        },
      ],
    },
  },
  {
    // In the benchmarks it is plain GCM to compare with.
    files: [
      'core/src/cobblestone.ts',
      'local-kms/src/**/*.ts',
      '**/test/**/*.ts',
      'lab/src/bench/{values/plain-gcm,files/plain-gcm-files,endpoints/bare-endpoint,migration/row-wraps}.ts',
    ],
    rules: { 'no-restricted-imports': 'off' },
  },
  {
    // All replicas share the database's clock; their own may be wrong, and jumps (store/database-clock.ts).
    files: ['server/src/**/*.ts'],
    ignores: ['server/src/store/database-clock.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: 'MemberExpression[object.name="Date"][property.name="now"]',
          message:
            "Use store.clock.now() for the time, SQL's now() in a statement, performance.now() for durations.",
        },
        {
          selector: 'NewExpression[callee.name="Date"][arguments.length=0]',
          message: "Use store.clock.now() for the time, and SQL's now() in a statement.",
        },
      ],
    },
  },
  {
    // A command's standard output is its purpose.
    files: ['scripts/**/*.ts', 'cli/src/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
)
