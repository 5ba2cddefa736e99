// The head of a chain in a file. An auditor keeps it, so that nobody can cut off the end of the chain unnoticed.
import type { AuditHead, JsonWebKeySet } from '@keyhold/client'
import { randomUUID } from 'node:crypto'
import { rename, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { CliError } from '../errors/cli-error.ts'
import { readJson } from '../input/read-json.ts'
import type { Shell } from '../shell.ts'
import { verifyJws } from '../signatures/verify-jws.ts'

/** @throws CliError `usage` for a file that holds no head, `failed` for a head whose signature is not valid */
export async function readKeptHead(
  shell: Shell,
  file: string,
  keys: JsonWebKeySet,
): Promise<AuditHead['head']> {
  const kept = await readJson(shell, file)
  if (!isHead(kept)) {
    throw new CliError('usage', 'ERR_CLI_AUDIT_HEAD', `${file} holds no head of an audit chain`, {
      hint: 'keyhold audit verify --save-head writes one',
    })
  }
  verifyJws({ jws: kept.jws, content: kept.head }, keys, `the head in ${file}`)
  return kept.head
}

/** Replaces the file as a whole, or leaves it as it is. */
export async function saveHead({ cwd }: Shell, file: string, head: AuditHead): Promise<void> {
  const path = resolve(cwd, file)
  const temporary = `${path}.${randomUUID()}.tmp`
  try {
    await writeFile(temporary, `${JSON.stringify(head, undefined, 2)}\n`, { flag: 'wx' })
    await rename(temporary, path)
  } catch (cause) {
    throw new CliError('failed', 'ERR_CLI_FILE', `cannot write ${file}`, { cause })
  }
}

function isHead(value: unknown): value is AuditHead {
  if (typeof value !== 'object' || value === null || !('jws' in value) || !('head' in value)) return false
  const { jws, head } = value
  return (
    typeof jws === 'string' &&
    typeof head === 'object' &&
    head !== null &&
    'type' in head &&
    head.type === 'keyhold/audit-head/1'
  )
}
