// Opens the tenant key versions that wrap a chunk of cipherkeys. A version that does not open for good, as far as anybody
// can tell, is told apart from one that cannot be opened for now: its cipherkeys are set aside and hold up no others.
import { isErrorOfKind, KeyholdError, type ErrorCode, type TenantKey } from '@keyhold/core'

/** A version that its KMS refuses to open, or opens to another key than the one that was stored. */
export interface RefusedVersion {
  version: number
  code: ErrorCode
  message: string
}

export interface OpenedVersions {
  sources: TenantKey[]
  refused: RefusedVersion[]
}

/**
 * @param open - undefined: the version is destroyed, or was never made
 * @throws what `open` throws, except denials and damage. An outage, a lock, or a fault of Keyhold's own says nothing about
 * the version: the caller waits.
 */
export async function openVersions(
  versions: readonly number[],
  open: (version: number) => Promise<TenantKey | undefined>,
): Promise<OpenedVersions> {
  const outcomes = await Promise.all(versions.map((version) => openOrRefuse(version, open)))
  return {
    sources: outcomes.flatMap((outcome) => ('key' in outcome ? [outcome] : [])),
    refused: outcomes.flatMap((outcome) => ('key' in outcome ? [] : [outcome])),
  }
}

async function openOrRefuse(
  version: number,
  open: (version: number) => Promise<TenantKey | undefined>,
): Promise<TenantKey | RefusedVersion> {
  try {
    return (await open(version)) ?? refusalOf(version, goneVersion(version))
  } catch (error) {
    if (isErrorOfKind(error, 'denial', 'damage')) return refusalOf(version, error)
    throw error
  }
}

function goneVersion(version: number): KeyholdError {
  return new KeyholdError('ERR_KEY_INTEGRITY', { message: `Tenant key version ${version} is gone.` })
}

function refusalOf(version: number, { code, message }: KeyholdError): RefusedVersion {
  return { version, code, message }
}
