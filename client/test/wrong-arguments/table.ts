// The table of every function that the SDK exports or hands out, with its arguments.
import {
  absent,
  auditRecord,
  callback,
  context,
  encryptedFile,
  end,
  fieldPaths,
  flag,
  functions,
  jsonBody,
  keyName,
  list,
  name,
  newFile,
  object,
  of,
  options,
  plainFile,
  plaintext,
  record,
  recordId,
  retries,
  signal,
  size,
  start,
  storedRecord,
  token,
  type Shape,
} from './argument-shapes.ts'

export interface Row {
  /** The arguments in order, by their names in errors. */
  parameters: Readonly<Record<string, Shape>>
  /** Whether it throws at once or answers a promise that rejects. */
  fails: 'throws' | 'rejects'
}

function sync(parameters: Row['parameters']): Row[] {
  return [{ parameters, fails: 'throws' }]
}

function async(parameters: Row['parameters']): Row[] {
  return [{ parameters, fails: 'rejects' }]
}

function under(objectName: string, rows: Readonly<Record<string, Row[]>>): Record<string, Row[]> {
  return Object.fromEntries(Object.entries(rows).map(([each, row]) => [`${objectName}.${each}`, row]))
}

const withSignal = options({ signal })

const clientOptions = {
  url: { good: ({ url }) => url },
  token: of('kh_t', 'a text', ...functions),
  tenantId: of('acme', ...absent),
  timeoutMs: of(10_000, ...absent, 'a number'),
  maxRetries: retries,
  insecure: flag,
  headers: of({ 'x-a': 'b' }, ...absent, 'an empty object'),
  fetch: of(fetch, ...absent, ...functions),
} as const satisfies Record<string, Shape>

const call: Row[] = [
  ...async({
    routeId: of('encrypt'),
    options: options({
      query: of({ a: 'b' }, ...absent, 'an empty object'),
      body: jsonBody,
      signal,
      maxRetries: retries,
    }),
  }),
  ...async({
    routeId: of('migrateToKeyProvider'),
    options: object({ params: object({ arnFingerPrint: of('9f352c5a', 'a text', 'a text with a NUL') }) }),
  }),
]

const decryption = {
  decrypt: async({ token, options: options({ context, signal }) }),
  decryptText: async({ token, options: options({ context, signal }) }),
  decryptMany: async({ items: list(object({ token, context })), options: withSignal }),
}

const remoteValues = {
  ...decryption,
  encrypt: async({ plaintext, options: options({ context, keyName, signal }) }),
  encryptMany: async({ items: list(object({ plaintext, context, keyName })), options: withSignal }),
  reencryptMany: async({ items: list(object({ token, context })), options: withSignal }),
  fields: sync({ paths: fieldPaths, options: object({ table: name, id: recordId, keyName }) }),
  call,
}

const fileOptions = options({ context, signal, overwrite: flag, onProgress: callback })
const streamOptions = options({ context, signal })

const local = {
  ...decryption,
  encrypt: async({ plaintext, options: streamOptions }),
  encryptMany: async({ items: list(object({ plaintext, context })), options: withSignal }),
  fields: sync({ paths: fieldPaths, options: object({ table: name, id: recordId }) }),
  blindIndex: sync({ options: object({ keyName: of('people'), bits: of(64, ...absent) }) }),
  encryptFile: async({ source: plainFile, target: newFile, options: fileOptions }),
  decryptFile: async({ source: encryptedFile, target: newFile, options: fileOptions }),
  encryptStream: sync({ options: streamOptions }),
  decryptStream: sync({ options: streamOptions }),
  openEncryptedFile: async({ path: encryptedFile, options: streamOptions }),
  readRange: async({ path: encryptedFile, start, end, options: streamOptions }),
}

const fieldsMethods = {
  encrypt: async({ record, options: withSignal }),
  decrypt: async({ record: storedRecord, options: withSignal }),
  encryptMany: async({ records: list(record), options: withSignal }),
  decryptMany: async({ records: list(storedRecord), options: withSignal }),
}

const listAll = async({
  routeId: of('listTenants'),
  options: options({
    query: of({ limit: '10' }, ...absent, 'an empty object'),
    signal,
    maxRetries: retries,
  }),
})

const client = { call, listAll, tenant: sync({ tenantId: of('acme', ...absent) }) }

const errorClasses = {
  KeyholdApiError: sync({
    refusal: object({
      status: of(400, 'zero', 'a number'),
      envelope: of({ errors: [{ code: 'ERR_A', title: 'A.' }], traceId: 't' }),
      retryAfterSeconds: of(1, ...absent, 'zero', 'a number'),
    }),
  }),
  KeyholdItemError: sync({
    refusal: object({ code: anyText(), title: anyText(), detail: anyText(...absent) }),
    field: anyText(...absent),
  }),
}

function anyText(...more: 'undefined'[]): Shape {
  return of('a', 'an empty text', 'a text', 'a lone surrogate', 'a text with a NUL', ...more)
}

/** By object, as in `scene.ts`, and function. */
export const table: Readonly<Record<string, Row[]>> = {
  ...under('browser', { createKeyholdClient: sync({ options: object(clientOptions) }), ...errorClasses }),
  ...under('node', {
    ...errorClasses,
    createKeyholdClient: sync({
      options: object({
        ...clientOptions,
        maxLeases: of(1, ...absent, 'a number'),
        clock: of(() => 0, ...absent),
      }),
    }),
    auditHash: sync({ previous: of(new Uint8Array(32)), record: auditRecord }),
    encryptedSize: sync({ plaintextBytes: size }),
    plaintextSize: sync({ fileBytes: size }),
  }),
  ...under('apiClient', client),
  ...under('client', { ...client, dispose: sync({}) }),
  ...under('apiTenant', remoteValues),
  ...under('tenant', remoteValues),
  ...under('local', local),
  ...under('fields', fieldsMethods),
  ...under('localFields', fieldsMethods),
  ...under('index', {
    compute: async({
      value: of('text', 'an empty text', 'a text', 'a text with a NUL'),
      place: object({ table: name, column: name }),
      options: withSignal,
    }),
  }),
  ...under('file', {
    size: async({}),
    close: async({}),
    readRange: async({ start, end, options: withSignal }),
  }),
}
