// The hosts by which a server reaches AWS.
import type { Settings } from '../../../settings/read-settings.ts'

const exampleRegion = 'us-east-1'

/** A region that this installation uses, as far as its settings know one. */
export function someRegion({ drRegions }: Pick<Settings, 'drRegions'>): string {
  return [...drRegions.keys()][0] ?? exampleRegion
}

export function kmsHosts(
  settings: Pick<Settings, 'kmsEndpoint' | 'stsEndpoint' | 'drRegions' | 'httpsProxy'>,
): string[] {
  const { kmsEndpoint, stsEndpoint = kmsEndpoint } = settings
  const region = someRegion(settings)
  const hosts = [
    kmsEndpoint === 'aws' ? `kms.${region}.amazonaws.com` : hostOf(kmsEndpoint),
    stsEndpoint === 'aws' ? `sts.${region}.amazonaws.com` : hostOf(stsEndpoint),
  ]
  return [...new Set(hosts)]
}

function hostOf(url: string): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, '')
}
