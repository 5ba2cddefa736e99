// A local KMS with principals of its own, and their clients.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KMSClient } from '@aws-sdk/client-kms'
import { afterAll } from 'vitest'
import type { LocalKmsOptions } from '../src/index.ts'
import { startKms } from './kms-under-test.ts'

/** The members of an entry of the principals file, besides its credentials. */
interface PrincipalEntry {
  arn: string
  policy?: object
  guardrails?: object
}

export async function startKmsWith(
  principals: Readonly<Record<string, PrincipalEntry>>,
  options: LocalKmsOptions = {},
) {
  const folder = mkdtempSync(join(tmpdir(), 'local-kms-principals-'))
  afterAll(() => {
    rmSync(folder, { recursive: true })
  })
  const principalsFile = join(folder, 'principals.json')
  const entries = Object.entries(principals).map(([accessKeyId, entry]) => ({
    accessKeyId,
    secretAccessKey: `secret of ${accessKeyId}`,
    ...entry,
  }))
  writeFileSync(principalsFile, JSON.stringify(entries))
  const kms = await startKms({ ...options, principalsFile })
  return {
    kms,
    clientOf: (accessKeyId: string, region?: string): KMSClient =>
      kms.client({
        accessKeyId,
        secretAccessKey: `secret of ${accessKeyId}`,
        ...(region !== undefined && { region }),
      }),
  }
}

export const allow = (Action: string | string[], more: object = {}) => ({
  Effect: 'Allow',
  Action,
  Resource: '*',
  ...more,
})
export const deny = (Action: string | string[], more: object = {}) => ({
  ...allow(Action, more),
  Effect: 'Deny',
})
export const by = (...AWS: string[]) => ({ Principal: { AWS } })
export const document = (...Statement: object[]) => ({ Version: '2012-10-17', Statement })
export const roleArn = (account: string, name: string) => `arn:aws:iam::${account}:role/${name}`
