// Values of every kind, by name. They are functions, because some values can be used only once.
import { tmpdir } from 'node:os'
import { join } from 'node:path'

class Instance {
  context = { a: 'b' }
}

export const junk = {
  undefined: () => undefined,
  null: () => null,
  true: () => true,
  zero: () => 0,
  'a number': () => 5,
  'a negative number': () => -1,
  'a fraction': () => 1.5,
  NaN: () => Number.NaN,
  Infinity: () => Infinity,
  'a huge number': () => 2 ** 53,
  'a bigint': () => 5n,
  'a symbol': () => Symbol('a'),
  'an empty text': () => '',
  // As a path it names nothing, so that no test writes there.
  'a text': () => join(tmpdir(), 'keyhold-no-such-folder', 'file'),
  'a lone surrogate': () => '\ud800',
  'a text with a NUL': () => 'a\0',
  'a boxed text': () => new String('a'),
  'a function': () => () => undefined,
  'a class': () => Instance,
  'an empty object': () => ({}),
  'an object with another member': () => ({ another: 1 }),
  'an object with a named symbol': () => ({ [Symbol('a')]: 1 }),
  'an object with a hidden member': () => Object.defineProperty({}, 'context', { value: { a: 'b' } }),
  'an instance of a class': () => new Instance(),
  'an object that inherits': () => Object.create({ context: { a: 'b' } }) as object,
  'an object that inherits from one without a prototype': () =>
    Object.create(Object.assign(Object.create(null) as object, { context: { a: 'b' } })) as object,
  'an object whose getter throws': () => ({
    get context(): never {
      throw new TypeError('of the getter')
    },
  }),
  'an object in itself': () => {
    const object: Record<string, unknown> = {}
    object.self = object
    return object
  },
  'a proxy that throws': () =>
    new Proxy(
      {},
      {
        ownKeys() {
          throw new RangeError('of the proxy')
        },
        getPrototypeOf() {
          throw new RangeError('of the proxy')
        },
        get() {
          throw new RangeError('of the proxy')
        },
      },
    ),
  'a revoked proxy': () => revoked({}),
  'a revoked proxy of an array': () => revoked([]),
  'an empty array': () => [],
  'an array of a number': () => [5],
  'an array with a hole': () => new Array<unknown>(1),
  'an array with a length that is text': () =>
    new Proxy([5], { get: (list, name) => (name === 'length' ? 'x' : (Reflect.get(list, name) as unknown)) }),
  'an endless array': () => new Array<unknown>(2 ** 32 - 1),
  'a Map': () => new Map([['context', 'a']]),
  'a Date': () => new Date(0),
  'an invalid Date': () => new Date(Number.NaN),
  'a RegExp': () => /a/,
  'an Error': () => new Error('a'),
  'a Promise': () => Promise.resolve('a'),
  'a web address': () => new URL('https://example.com/a'),
  'a URL of another machine': () => new URL('file://machine/a'),
  'an object like a signal': () => ({ aborted: false, throwIfAborted: () => undefined }),
  'an ArrayBuffer': () => new ArrayBuffer(2),
  'a SharedArrayBuffer': () => new SharedArrayBuffer(2),
  'a DataView': () => new DataView(new ArrayBuffer(2)),
  'a Uint16Array': () => new Uint16Array([300]),
  'an Int8Array': () => new Int8Array([-1]),
  'a Uint8ClampedArray': () => new Uint8ClampedArray([1]),
  'a Float64Array': () => new Float64Array([0.1]),
  'a Uint8Array': () => Uint8Array.of(1, 2),
  'a Buffer': () => Buffer.from('a'),
  'bytes in shared memory': () => new Uint8Array(new SharedArrayBuffer(2)),
  'bytes given away': () => {
    const bytes = Uint8Array.of(1, 2)
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
    return bytes
  },
  'bytes whose buffer shrank': () => {
    const buffer = new ArrayBuffer(4, { maxByteLength: 8 })
    const bytes = new Uint8Array(buffer, 2, 2)
    buffer.resize(3)
    return bytes
  },
  'a proxy of bytes': () => new Proxy(Uint8Array.of(1), {}),
} as const satisfies Record<string, () => unknown>

export type JunkName = keyof typeof junk

export const junkNames = Object.keys(junk) as JunkName[]

function revoked(target: object): object {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}
