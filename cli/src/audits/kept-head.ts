// The head of a chain in a file: what an auditor keeps, so that nobody can cut the chain's end off unnoticed.
import type { AuditHead, JsonWebKeySet } from '@keyhold/client'
import { rename, writeFile } from 'node:fs/promises'
import { CliError } from '../errors/cli-error.ts'
import { readJson } from '../input/request-body.ts'
import { verifyReport } from '../signatures/verify-report.ts'

/** @throws CliError `usage` for a file that holds no head, `failed` for one whose signature is not valid */
export async function readKeptHead(file: string, keys: JsonWebKeySet): Promise<AuditHead['head']> {
  const kept = await readJson(file)
  if (!isHead(kept)) {
    throw new CliError('usage', 'ERR_CLI_AUDIT_HEAD', `${file} holds no head of an audit chain`, {
      hint: 'keyhold audit verify --save-head writes one',
    })
  }
  verifyReport({ jws: kept.jws, report: kept.head }, keys, `the head in ${file}`)
  return kept.head
}

/** Replaces the file as a whole, or leaves it as it is. */
export async function saveHead(file: string, head: AuditHead): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`
  try {
    await writeFile(temporary, `${JSON.stringify(head, undefined, 2)}\n`, { flag: 'wx' })
    await rename(temporary, file)
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
