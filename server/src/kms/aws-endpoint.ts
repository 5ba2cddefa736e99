// Where the services of AWS are in a region.
import { partitionOf } from '@keyhold/core'

/**
 * The endpoint to give to a client of the AWS SDK; undefined: the SDK knows it by the partition's own rule. The environment
 * must not set it: the shell may have read the settings of another program.
 *
 * @param configured - undefined: AWS itself
 */
export function endpointFor(
  service: 'kms' | 'sts',
  region: string,
  configured: string | undefined,
): { endpoint: string } | { ignoreConfiguredEndpointUrls: true } {
  if (configured !== undefined) return { endpoint: configured }
  // The SDK knows this partition in one country only, and would look for others in the partition `aws`.
  if (partitionOf(region) === 'aws-eusc' && !region.startsWith('eusc-de-'))
    return { endpoint: `https://${service}.${region}.amazonaws.eu` }
  return { ignoreConfiguredEndpointUrls: true }
}
