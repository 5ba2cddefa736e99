// The generations that this replica has verified, in a file beside the database. So it still knows them after a restart, when
// the database may be an older one. The file is authenticated by the root key: whoever can write to the folder can take the
// file away or put an older one back, and can make none.
//
//   line    = base64url(mac) ‖ " " ‖ JSON ‖ LF
//   mac     = row MAC (docs/formats.md) of the kind "generations" over "keyhold/generations/1" 00 ‖ lp(mac of the line before) ‖ JSON
//   JSON    = {"number": counts the writes, "at": time, "records": [[kind, tenant id, generation, generation of the facts, facts], …]}
//
// The first line also has "type" and "installationId". Changes are appended; the file is written anew when it has doubled.
import { deriveMacKey, isRowMac, KeyholdError, rootKeyIdOfMac, rowMac } from '@keyhold/core'
import type { BigIntStats } from 'node:fs'
import { mkdir, open, readFile, rename, stat } from 'node:fs/promises'
import path from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { MacRing } from '../../store/authentic/row-macs.ts'
import { createTemporary, openToAppend } from '../state-files.ts'
import { mergeRecords, nameOfRecord, type GenerationRecord } from './generation-records.ts'

export interface KeptWrite {
  /** Counts the writes of this file, also those before it was written anew. */
  number: number
  /** The MAC of its last line, which covers all before it: base64url. */
  digest: string
}

export type KeptStep = 'written' | 'synced' | 'renamed'

export interface KeptGenerations {
  readonly file: string

  /**
   * Shows all records, the older ones of a row before the newer ones. The rest of a line that a crash has cut off is left out.
   * Answers whether there is a file.
   *
   * @throws KeyholdError `ERR_STATE_FILE_INVALID` when the file is not as Keyhold wrote it, or cannot be read
   */
  read(visit: (record: GenerationRecord) => void): Promise<boolean>

  /**
   * Adds records, on disk when this answers. After an error none of them is there, or all of them.
   *
   * @throws KeyholdError `ERR_STATE_FILE_INVALID` when somebody has changed the file
   */
  append(records: readonly GenerationRecord[], at: Date): Promise<KeptWrite>
}

export interface KeptGenerationsOptions {
  /** Keyhold's folder for what it keeps outside of the database. */
  stateDir: string
  ring: Pick<MacRing, 'rootKey' | 'rootKeyId' | 'installationId'>
  /** Up to this size the file is never written anew. Default: 8 MiB. */
  minBytes?: number
  /** For tests: after each step of a file that is written anew. */
  onStep?: (step: KeptStep) => Promise<void>
}

export const generationsFile = 'generations.log'

const fileType = 'keyhold/generations/1'
const label = Buffer.from(`${fileType}\0`, 'ascii')
const usualMinBytes = 8 * 1_024 * 1_024
// A line of so many is made, or read, in a millisecond.
const recordsInALine = 250
const lineFeed = 0x0a
const nothing = () => Promise.resolve()

interface Line {
  number: number
  records: StoredRecord[]
}

type StoredRecord = [
  GenerationRecord['kind'],
  tenantId: string,
  generation: number,
  factsGeneration: number | null,
  facts: object | null,
]

/** The end of the file as this process knows it. */
interface End {
  bytes: number
  mac: Buffer
  number: number
}

const noEnd: End = { bytes: 0, mac: Buffer.alloc(0), number: 0 }

export function keptGenerations({
  stateDir,
  ring,
  minBytes = usualMinBytes,
  onStep = nothing,
}: KeptGenerationsOptions): KeptGenerations {
  const file = path.join(stateDir, generationsFile)
  const macKey = deriveMacKey(ring.rootKey, ring.installationId, 'generations')
  // Undefined: it has to be read, and then written anew.
  let end: (End & { identity: string }) | undefined
  let maxBytes = minBytes

  function macOf(before: Buffer, json: string): Buffer {
    return rowMac(macKey, ring.rootKeyId, coveredBytes(before, json))
  }

  async function readLines(visit: (line: Line) => void): Promise<{ end: End; isThere: boolean }> {
    const bytes = await readIfThere(file)
    let at: End = noEnd
    for (;;) {
      const next = bytes?.indexOf(lineFeed, at.bytes) ?? -1
      if (bytes === undefined || next < 0) return { end: at, isThere: bytes !== undefined }
      const read = readLine(bytes.toString('utf8', at.bytes, next), at)
      at = { bytes: next + 1, ...read.end }
      visit(read.line)
      // There may be very many, and requests wait meanwhile.
      await setImmediate()
    }
  }

  function readLine(text: string, before: End): { line: Line; end: Pick<End, 'mac' | 'number'> } {
    const space = text.indexOf(' ')
    const mac = Buffer.from(text.slice(0, Math.max(0, space)), 'base64url')
    const json = text.slice(space + 1)
    if (!isRowMac(macKey, ring.rootKeyId, coveredBytes(before.mac, json), mac))
      throw invalid(file, reasonOf(json, mac, before.bytes === 0))
    const line = JSON.parse(json) as Line
    return { line, end: { mac, number: line.number } }
  }

  /** Why a line does not pass, as far as it tells. */
  function reasonOf(json: string, mac: Buffer, isFirst: boolean): string {
    const rootKeyId = rootKeyIdOfMac(mac)
    if (rootKeyId !== undefined && rootKeyId !== ring.rootKeyId)
      return `is authenticated under the root key ${rootKeyId}, which this replica does not hold`
    const named = isFirst ? installationIn(json) : undefined
    return named !== undefined && named !== ring.installationId
      ? `is that of the installation ${named}`
      : 'was changed, or was not written by this installation'
  }

  /** Lines, each with its MAC, that follow `from`. */
  async function* linesOf<Item>(
    records: readonly Item[],
    jsonOfItem: (item: Item) => string,
    from: End,
    at: Date,
    isFirst: boolean,
  ) {
    let { mac } = from
    const number = from.number + 1
    for (let index = 0; index < records.length || (isFirst && index === 0); index += recordsInALine) {
      const json = jsonOf(
        {
          ...(isFirst && index === 0 && { type: fileType, installationId: ring.installationId }),
          ...{ number, at },
        },
        records.slice(index, index + recordsInALine).map(jsonOfItem),
      )
      mac = macOf(mac, json)
      yield { text: `${mac.toString('base64url')} ${json}\n`, mac, number }
      await setImmediate()
    }
  }

  /** Reads what is there, and puts a file with the newest record of each row in its place. */
  async function writeAnew(records: readonly GenerationRecord[], at: Date): Promise<KeptWrite> {
    // In JSON, which takes less memory.
    const newest = new Map<string, string>()
    const add = (record: GenerationRecord) => {
      const name = nameOfRecord(record)
      const before = newest.get(name)
      const merged =
        before === undefined ? record : mergeRecords(fromStored(JSON.parse(before) as StoredRecord), record)
      newest.set(name, toJson(merged))
    }
    const found = await readLines(({ records: stored }) => {
      for (const each of stored) add(fromStored(each))
    })
    for (const [index, record] of records.entries()) {
      if (index % recordsInALine === 0) await setImmediate()
      add(record)
    }
    const temporary = `${file}.tmp`
    const handle = await createTemporary(temporary)
    let next: End = { ...noEnd, number: found.end.number }
    let identity: string
    try {
      const all = [...newest.values()]
      for await (const { text, ...line } of linesOf(all, (json) => json, next, at, true)) {
        await handle.writeFile(text)
        next = { ...line, bytes: next.bytes + Buffer.byteLength(text) }
      }
      await onStep('written')
      await handle.sync()
      await onStep('synced')
      identity = identityIn(await handle.stat({ bigint: true }))
    } finally {
      await handle.close()
    }
    await rename(temporary, file)
    await onStep('renamed')
    await syncFolder()
    end = { ...next, identity }
    maxBytes = Math.max(minBytes, 2 * next.bytes)
    return toWrite(next)
  }

  async function syncFolder(): Promise<void> {
    const folder = await open(path.dirname(file))
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  }

  async function addTo(from: End, records: readonly GenerationRecord[], at: Date): Promise<KeptWrite> {
    let next = from
    const texts: string[] = []
    for await (const { text, ...line } of linesOf(records, toJson, from, at, false)) {
      texts.push(text)
      next = { ...line, bytes: next.bytes + Buffer.byteLength(text) }
    }
    const handle = await openToAppend(file)
    let identity: string
    try {
      await handle.appendFile(texts.join(''))
      await handle.datasync()
      identity = identityIn(await handle.stat({ bigint: true }))
    } finally {
      await handle.close()
    }
    end = { ...next, identity }
    return toWrite(next)
  }

  return {
    file,
    async read(visit) {
      const { isThere, ...found } = await readLines(({ records }) => {
        for (const each of records) visit(fromStored(each))
      })
      const identity = await identityOf(file)
      if (isThere && identity?.endsWith(`/${found.end.bytes}`) === true) end ??= { ...found.end, identity }
      return isThere
    },
    async append(records, at) {
      await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
      // There may be a line that was cut off, or another process that writes to it.
      const isAsKnown = end !== undefined && (await identityOf(file)) === end.identity
      if (end === undefined || !isAsKnown || end.bytes > maxBytes) return writeAnew(records, at)
      return addTo(end, records, at)
    },
  }
}

function coveredBytes(before: Buffer, json: string): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(before.length)
  return Buffer.concat([label, length, before, Buffer.from(json, 'utf8')])
}

function jsonOf(members: object, records: readonly string[]): string {
  return `${JSON.stringify(members).slice(0, -1)},"records":[${records.join()}]}`
}

function toWrite({ number, mac }: End): KeptWrite {
  return { number, digest: mac.toString('base64url') }
}

function toStored({ kind, tenantId, generation, known }: GenerationRecord): StoredRecord {
  return [kind, tenantId, generation, known?.generation ?? null, known?.facts ?? null]
}

function toJson(record: GenerationRecord): string {
  return JSON.stringify(toStored(record))
}

// The line has a MAC: nobody else has written it.
function fromStored([kind, tenantId, generation, factsGeneration, facts]: StoredRecord): GenerationRecord {
  const known =
    factsGeneration === null || facts === null ? undefined : { generation: factsGeneration, facts }
  return { kind, tenantId, generation, known } as GenerationRecord
}

async function readIfThere(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw invalid(file, 'cannot be read', error)
  }
}

/** Tells whether a file was changed. The last part is its size. */
function identityIn({ ino, mtimeNs, size }: BigIntStats): string {
  return `${ino}/${mtimeNs}/${size}`
}

async function identityOf(file: string): Promise<string | undefined> {
  try {
    return identityIn(await stat(file, { bigint: true }))
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

function installationIn(json: string): string | undefined {
  try {
    const { installationId } = JSON.parse(json) as { installationId?: unknown }
    return typeof installationId === 'string' ? installationId : undefined
  } catch {
    return undefined
  }
}

function invalid(file: string, reason: string, cause?: unknown): KeyholdError {
  return new KeyholdError('ERR_STATE_FILE_INVALID', {
    message: `The file ${file} ${reason}. Put it back from a backup, or name the folder of this installation in KEYHOLD_STATE_DIR. If there is neither, move the file away and keep it: until it has seen newer rows, this replica then takes an older database for the newest one.`,
    cause,
  })
}
