// Files appear whole or not at all, whatever is changed, cut, missing or stopped.
import { execFile, execFileSync } from 'node:child_process'
import { open, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKeyholdClient, encryptedSize, plaintextSize, type TenantClient } from '@keyhold/client/node'
import { startFakeKeyhold } from './fake-keyhold.ts'
import { doseOf, slowTest } from '../../testkit/src/statistics/dose-of.ts'

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'keyhold-files-'))
})
afterAll(() => rm(root, { recursive: true }))

const chunk = 16_400

async function setUp(): Promise<{
  server: Awaited<ReturnType<typeof startFakeKeyhold>>
  tenant: TenantClient
  folder: string
  path: (name: string) => string
  clock: { nowMs: number }
}> {
  const server = await startFakeKeyhold()
  const clock = { nowMs: 0 }
  const client = createKeyholdClient({ url: server.url, token: 'kh_t', clock: () => clock.nowMs })
  const folder = await mkdtemp(join(root, 'test-'))
  return { server, tenant: client.tenant(), folder, path: (name) => join(folder, name), clock }
}

function patterned(length: number): Buffer {
  return Buffer.alloc(length, Buffer.from(Array.from({ length: 251 }, (_, index) => index)))
}

/** The error as `code offset`, or "done". */
async function outcome(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'done'
  } catch (error) {
    const { code, details, message } = error as {
      code?: string
      message: string
      details?: { offset?: string }
    }
    return `${code ?? message} ${details?.offset ?? ''}`.trim()
  }
}

const sizes = [0, 1, 16_383, 16_384, 16_385, 32_768, 1_048_575, 1_048_576, 1_048_577, 2_097_152]

describe.each(doseOf(sizes, 2))('a file of %i bytes', (size) => {
  test('comes back, and nothing else lies in the folder', async () => {
    const { tenant, path, folder } = await setUp()
    await writeFile(path('plain'), patterned(size))
    const context = { path: 'a/b' }
    const progress: number[] = []
    const onProgress = (bytes: number): unknown => progress.push(bytes)
    await tenant.local.encryptFile(path('plain'), path('encrypted'), { context, onProgress })
    expect(progress.at(-1)).toBe(size)
    await tenant.local.decryptFile(path('encrypted'), path('decrypted'), { context, onProgress })
    expect((await readFile(path('decrypted'))).equals(patterned(size))).toBe(true)
    const fileSize = (await stat(path('encrypted'))).size
    expect([fileSize, plaintextSize(fileSize), progress.at(-1)]).toEqual([
      encryptedSize(size),
      size,
      fileSize,
    ])
    expect((await readdir(folder)).toSorted()).toEqual(['decrypted', 'encrypted', 'plain'])
  })

  test('is refused when it is cut, at the end of a chunk or anywhere', async () => {
    const { tenant, path, folder } = await setUp()
    await writeFile(path('plain'), patterned(size))
    await tenant.local.encryptFile(path('plain'), path('encrypted'))
    const whole = encryptedSize(size)
    const chunks = Math.floor(size / 16_384)
    const boundary = 82 + chunks * chunk
    const cuts = [0, 25, 26, 81, 82, 97, 98, boundary - chunk, boundary, boundary + 15, whole - 1]
    for (const cut of cuts.filter((at) => at >= 0 && at < whole).toSorted((a, b) => b - a)) {
      await truncate(path('encrypted'), cut)
      const result = await outcome(tenant.local.decryptFile(path('encrypted'), path('decrypted')))
      const inChunk = 82 + Math.floor((cut - 82) / chunk) * chunk
      const place = cut < 26 ? 'ERR_TOKEN_INVALID 0' : `ERR_DECRYPTION_FAILED ${cut < 82 ? 0 : inChunk}`
      expect(result, `cut to ${cut}`).toBe(place)
    }
    expect((await readdir(folder)).toSorted()).toEqual(['encrypted', 'plain'])
  })
})

describe('a changed file', () => {
  test('is refused with one bit changed anywhere, and the place is named', async () => {
    const { tenant, path, folder } = await setUp()
    await writeFile(path('plain'), patterned(70 * 16_384 + 5))
    await tenant.local.encryptFile(path('plain'), path('encrypted'))
    const bytes = await readFile(path('encrypted'))
    const places = [
      0,
      2,
      5,
      6,
      25,
      26,
      49,
      50,
      81,
      ...[0, 1, 63, 64, 69, 70].map((index) => 82 + index * chunk),
    ]
    for (const at of [...places, bytes.length - 1]) {
      const changed = Buffer.from(bytes)
      changed.writeUInt8(changed.readUInt8(at) ^ 4, at)
      await writeFile(path('changed'), changed)
      const result = await outcome(tenant.local.decryptFile(path('changed'), path('decrypted')))
      const offset = at < 26 ? 0 : at < 82 ? 26 : 82 + Math.floor((at - 82) / chunk) * chunk
      if (at < 6) expect(result).toBe('ERR_TOKEN_INVALID 0')
      // The server knows no key by such a header.
      else if (at < 26) expect(result).toBe('ERR_DECRYPTION_FAILED')
      else expect(result).toBe(`ERR_DECRYPTION_FAILED ${offset}`)
    }
    expect((await readdir(folder)).toSorted()).toEqual(['changed', 'encrypted', 'plain'])
  })

  test('is refused with chunks swapped, repeated, left out, or followed by more', async () => {
    const { tenant, path } = await setUp()
    await writeFile(path('plain'), patterned(3 * 16_384 + 5))
    await tenant.local.encryptFile(path('plain'), path('encrypted'))
    const bytes = await readFile(path('encrypted'))
    const part = (index: number): Buffer => bytes.subarray(82 + index * chunk, 82 + (index + 1) * chunk)
    const orders: [number[], number][] = [
      [[1, 0, 2, 3], 0],
      [[0, 2, 1, 3], 1],
      [[0, 1, 3], 2],
      [[0, 0, 1, 2, 3], 1],
      [[0, 1, 2, 3, 3], 3],
      [[3], 0],
    ]
    for (const [order, badChunk] of orders) {
      await writeFile(path('changed'), Buffer.concat([bytes.subarray(0, 82), ...order.map(part)]))
      const result = await outcome(tenant.local.decryptFile(path('changed'), path('decrypted')))
      expect(result).toBe(`ERR_DECRYPTION_FAILED ${82 + badChunk * chunk}`)
    }
  })

  test('is refused under another context and for another tenant', async () => {
    const { tenant, path } = await setUp()
    await writeFile(path('plain'), 'x')
    await tenant.local.encryptFile(path('plain'), path('encrypted'), { context: { a: 'b' } })
    const decrypt = (by: TenantClient, context: Record<string, string>): Promise<string> =>
      outcome(by.local.decryptFile(path('encrypted'), path('decrypted'), { context }))
    expect(await decrypt(tenant, { a: 'c' })).toBe('ERR_DECRYPTION_FAILED 26')
    expect(await decrypt((await setUp()).tenant, { a: 'b' })).toBe('ERR_DECRYPTION_FAILED')
    expect(await decrypt(tenant, { '': 'b' })).toBe('ERR_CLIENT_CONTEXT_INVALID')
  })
})

describe('the target', () => {
  test('that exists is refused, and replaced only when that is asked for', async () => {
    const { tenant, path, folder } = await setUp()
    await writeFile(path('plain'), 'new')
    await writeFile(path('target'), 'old')
    const encrypt = (overwrite: boolean): Promise<string> =>
      outcome(tenant.local.encryptFile(path('plain'), path('target'), { overwrite }))
    expect(await encrypt(false)).toBe('ERR_FILE_TARGET_EXISTS')
    expect(await readFile(path('target'), 'utf8')).toBe('old')
    expect(await encrypt(true)).toBe('done')
    const decryption = tenant.local.decryptFile(path('target'), path('target'), { overwrite: true })
    expect(await outcome(decryption)).toBe('done')
    expect(await readFile(path('target'), 'utf8')).toBe('new')
    expect((await readdir(folder)).toSorted()).toEqual(['plain', 'target'])
  })

  test('that appears in the meantime is not replaced', async () => {
    const { tenant, path, folder } = await setUp()
    await writeFile(path('plain'), patterned(3_000_000))
    const onProgress = (): void => {
      execFileSync('sh', ['-c', 'echo other > "$0"', path('target')])
    }
    const encryption = tenant.local.encryptFile(path('plain'), path('target'), { onProgress })
    expect(await outcome(encryption)).toBe('ERR_FILE_TARGET_EXISTS')
    expect(await readFile(path('target'), 'utf8')).toBe('other\n')
    expect((await readdir(folder)).toSorted()).toEqual(['plain', 'target'])
  })

  test('decrypted, is readable by its owner alone', async () => {
    const { tenant, path } = await setUp()
    await writeFile(path('plain'), 'x')
    await tenant.local.encryptFile(path('plain'), path('encrypted'))
    await tenant.local.decryptFile(path('encrypted'), path('decrypted'))
    expect((await stat(path('decrypted'))).mode & 0o777).toBe(0o600)
  })

  test.each([
    ['a folder that is missing', 'missing/target', 'ENOENT'],
    ['a folder that is a file', 'plain/target', 'ENOTDIR'],
  ])('in %s is an error', async (_name, target, code) => {
    const { tenant, path } = await setUp()
    await writeFile(path('plain'), 'x')
    expect(await outcome(tenant.local.encryptFile(path('plain'), path(target)))).toBe(code)
  })

  test('does not exist while it is incomplete, nor after an abort', async () => {
    const { tenant, path, folder } = await setUp()
    await writeFile(path('plain'), patterned(5_000_000))
    const abort = new AbortController()
    const seen: boolean[] = []
    const onProgress = (bytes: number): void => {
      seen.push(execFileSync('ls', [folder], { encoding: 'utf8' }).includes('target'))
      if (bytes > 2_000_000) abort.abort(new Error('enough'))
    }
    const options = { onProgress, signal: abort.signal }
    expect(await outcome(tenant.local.encryptFile(path('plain'), path('target'), options))).toBe('enough')
    expect(seen.length).toBeGreaterThan(1)
    expect(seen).not.toContain(true)
    expect(await readdir(folder)).toEqual(['plain'])
  })

  test('leaves nothing behind on a full disk', async () => {
    const { path } = await setUp()
    await writeFile(path('plain'), patterned(100_000))
    // A limit on the size of files acts like a full disk.
    const { status, leftBehind } = await encryptWithLimit(path('plain'), await mkdtemp(join(root, 'limit-')))
    expect([status, leftBehind]).toEqual(['EFBIG', []])
  })
})

async function encryptWithLimit(
  source: string,
  folder: string,
): Promise<{ status: string; leftBehind: string[] }> {
  const server = await startFakeKeyhold()
  const program = `
    import { createKeyholdClient } from '@keyhold/client/node'
    process.on('SIGXFSZ', () => {})
    const tenant = createKeyholdClient({ url: ${JSON.stringify(server.url)}, token: 't' }).tenant()
    const [source, target] = process.argv.slice(1)
    await tenant.local.encryptFile(source, target).catch((error) => console.log(error.code))`
  const script = 'ulimit -f 20; exec "$0" --input-type=module -e "$1" "$2" "$3"'
  const args = ['-c', script, process.execPath, program, source, join(folder, 'target')]
  const status = await new Promise<string>((resolve) => {
    execFile('sh', args, { cwd: import.meta.dirname }, (_error, stdout, stderr) => {
      resolve((stdout + stderr).trim())
    })
  })
  return { status, leftBehind: await readdir(folder) }
}

describe('the source', () => {
  test('that is missing or a directory gives a clear error', async () => {
    const { tenant, path, folder } = await setUp()
    expect(await outcome(tenant.local.encryptFile(path('none'), path('target')))).toBe('ENOENT')
    expect(await outcome(tenant.local.encryptFile(folder, path('target')))).toBe('ERR_FILE_NOT_READABLE')
    expect(await outcome(tenant.local.decryptFile(folder, path('target')))).toBe('ERR_FILE_NOT_READABLE')
    expect(await readdir(folder)).toEqual([])
  })

  test('may be a pipe, both ways', async () => {
    const { tenant, path } = await setUp()
    await writeFile(path('plain'), patterned(1_500_000))
    execFileSync('sh', ['-c', 'mkfifo "$0"', path('pipe')])
    const fed = async (name: string, work: Promise<void>): Promise<void> => {
      const writer = await open(path('pipe'), 'w')
      await writer.writeFile(await readFile(path(name)))
      await writer.close()
      await work
    }
    await fed('plain', tenant.local.encryptFile(path('pipe'), path('encrypted')))
    await fed('encrypted', tenant.local.decryptFile(path('pipe'), path('decrypted')))
    expect((await readFile(path('decrypted'))).equals(patterned(1_500_000))).toBe(true)
  })

  test('that is a silent pipe can be aborted', async () => {
    const { tenant, path, folder } = await setUp()
    execFileSync('sh', ['-c', 'mkfifo "$0"', path('pipe')])
    const waiting = outcome(
      tenant.local.encryptFile(path('pipe'), path('target'), { signal: AbortSignal.timeout(50) }),
    )
    expect(await waiting).toMatch(/^23/)
    expect(await readdir(folder)).toEqual(['pipe'])
    // Frees the thread that still opens the pipe.
    await (await open(path('pipe'), 'r+')).close()
  })

  test('may have any name', async () => {
    const { tenant, path } = await setUp()
    const name = `naïve\n \u{1f511}${'x'.repeat(200)}`
    await writeFile(path(name), 'x')
    await tenant.local.encryptFile(path(name), path(`${name}.k`))
    expect((await stat(path(`${name}.k`))).size).toBe(encryptedSize(1))
  })
})

describe('a long file', () => {
  test('asks again when its lease ends, and stops where the tenant is revoked', async () => {
    const { tenant, path, folder, server, clock } = await setUp()
    await writeFile(path('plain'), patterned(5_000_000))
    const onProgress = (): void => {
      clock.nowMs += 40_000
    }
    await tenant.local.encryptFile(path('plain'), path('encrypted'), { onProgress })
    expect(server.calls).toEqual(['data-keys', 'unwrap', 'unwrap'])
    const revoke = (): void => {
      server.isLocked = true
      clock.nowMs += 60_000
    }
    const decryption = tenant.local.decryptFile(path('encrypted'), path('decrypted'), { onProgress: revoke })
    expect(await outcome(decryption)).toBe('ERR_KMS_KEY_DISABLED')
    expect((await readdir(folder)).toSorted()).toEqual(['encrypted', 'plain'])
  })

  test('that is worked on in threads comes back, and is refused at the place of a change, and can be aborted', async () => {
    const { tenant, path, folder } = await setUp()
    const content = patterned(17 * 1_048_576 + 5)
    await writeFile(path('plain'), content)
    await tenant.local.encryptFile(path('plain'), path('encrypted'))
    // By now the threads are there.
    await sleep(300)
    await tenant.local.decryptFile(path('encrypted'), path('decrypted'))
    expect((await readFile(path('decrypted'))).equals(content)).toBe(true)

    const controller = new AbortController()
    const onProgress = (): void => {
      controller.abort(new Error('enough'))
    }
    const aborted = tenant.local.decryptFile(path('encrypted'), path('aborted'), {
      ...{ onProgress, signal: controller.signal },
    })
    expect(await outcome(aborted)).toBe('enough')

    // Two blocks are damaged: the first one counts, whichever thread is quicker.
    const [first, second] = [82 + 200 * chunk, 82 + 270 * chunk]
    const handle = await open(path('encrypted'), 'r+')
    for (const at of [second, first]) await handle.write(Buffer.from([1, 2, 3, 4]), 0, 4, at + 7)
    await handle.close()
    expect(await outcome(tenant.local.decryptFile(path('encrypted'), path('refused')))).toBe(
      `ERR_DECRYPTION_FAILED ${first}`,
    )
    await truncate(path('encrypted'), first)
    expect(await outcome(tenant.local.decryptFile(path('encrypted'), path('refused')))).toBe(
      `ERR_DECRYPTION_FAILED ${first}`,
    )
    expect((await readdir(folder)).toSorted()).toEqual(['decrypted', 'encrypted', 'plain'])
  })

  slowTest('of 256 MiB takes no more memory than a short one', async () => {
    const { tenant, path } = await setUp()
    const sparse = await open(path('sparse'), 'w')
    await sparse.truncate(256 * 1_048_576)
    await sparse.close()
    await tenant.local.encryptFile(path('sparse'), path('warm'))
    await rm(path('warm'))
    const before = process.memoryUsage().rss
    let peak = before
    const onProgress = (): void => {
      peak = Math.max(peak, process.memoryUsage().rss)
    }
    await tenant.local.encryptFile(path('sparse'), path('encrypted'), { onProgress })
    await tenant.local.decryptFile(path('encrypted'), path('decrypted'), { onProgress })
    expect((peak - before) / 1_048_576).toBeLessThan(64)
    expect((await stat(path('decrypted'))).size).toBe(256 * 1_048_576)
  })
})

slowTest('many files at the same time', async () => {
  const { tenant, path, server } = await setUp()
  const work = Array.from({ length: 12 }, async (_, index) => {
    const content = patterned(index * 100_000)
    await writeFile(path(`plain ${index}`), content)
    await tenant.local.encryptFile(path(`plain ${index}`), path(`encrypted ${index}`))
    await tenant.local.decryptFile(path(`encrypted ${index}`), path(`decrypted ${index}`))
    return (await readFile(path(`decrypted ${index}`))).equals(content)
  })
  expect(new Set(await Promise.all(work))).toEqual(new Set([true]))
  expect(server.calls).toEqual(['data-keys'])
})
