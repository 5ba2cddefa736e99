// The clients of identity providers: each knows where its provider is, and calls it through the guarded fetch alone.
import { KeyholdError } from '@keyhold/core'
import { readFile } from 'node:fs/promises'
import {
  ClientSecretBasic,
  clockTolerance,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
  None,
  type Configuration,
  type CustomFetch,
} from 'openid-client'
import type { GuardedFetch } from '../../guarded-fetch/guarded-fetch.ts'
import type { SignInProvider } from '../../issuers/file/issuers-form.ts'

/** @throws KeyholdError `ERR_ISSUER_UNREACHABLE`, as a rejection */
export type ClientOf = (provider: SignInProvider) => Promise<Configuration>

const keptMs = 3_600_000
const maxKept = 50
const timeoutSeconds = 10
const toleranceSeconds = 30
/** Statuses that have no body, which `Response` refuses. */
const withoutBody = new Set([204, 205, 304])

/** @param clock - monotonic, in milliseconds */
export function createClientOf(fetch: GuardedFetch, clock: () => number): ClientOf {
  const kept = new Map<string, { configuration: Promise<Configuration>; untilMs: number }>()

  return async (provider) => {
    const name = JSON.stringify(provider, (_key, value: unknown) =>
      value instanceof Set ? [...value] : value,
    )
    const known = kept.get(name)
    if (known !== undefined && clock() < known.untilMs) return known.configuration
    const configuration = open(provider, fetch)
    if (kept.size >= maxKept) kept.clear()
    kept.set(name, { configuration, untilMs: clock() + keptMs })
    try {
      return await configuration
    } catch (cause) {
      kept.delete(name)
      throw new KeyholdError('ERR_ISSUER_UNREACHABLE', {
        message: `The identity provider ${provider.name} does not answer as it should: try again in a while.`,
        cause,
      })
    }
  }
}

async function open(provider: SignInProvider, fetch: GuardedFetch): Promise<Configuration> {
  const { issuer, clientId, clientSecretFile, caFile, algorithm } = provider
  // Both are read each time: whoever issues them exchanges the files.
  const secret = clientSecretFile && (await readFile(clientSecretFile, 'utf8')).trim()
  return discovery(
    new URL(issuer),
    clientId,
    { id_token_signed_response_alg: algorithm, [clockTolerance]: toleranceSeconds },
    secret === undefined ? None() : ClientSecretBasic(secret),
    {
      [customFetch]: throughGuard(fetch, caFile),
      timeout: timeoutSeconds,
      // The ID token is believed for its signature, too, and not for the connection alone.
      execute: [enableNonRepudiationChecks],
    },
  )
}

function throughGuard(fetch: GuardedFetch, caFile: string | undefined): CustomFetch {
  return async (url, { method, headers, body }) => {
    const ca = caFile && (await readFile(caFile, 'utf8'))
    const reply = await fetch(url, {
      method: method === 'POST' ? 'POST' : 'GET',
      headers,
      ...(body instanceof URLSearchParams && { body: body.toString() }),
      ...(ca !== undefined && { ca }),
    })
    const named = Object.entries(reply.headers).flatMap(([name, value]) =>
      typeof value === 'string' ? [[name, value] as [string, string]] : [],
    )
    return new Response(withoutBody.has(reply.status) ? null : new Uint8Array(reply.body), {
      status: reply.status,
      headers: named,
    })
  }
}
