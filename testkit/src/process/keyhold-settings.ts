// The settings that every Keyhold beside a local KMS has, whether it runs in this process or in one of its own.
import { keyholdAccount } from '../customer/key-policy.ts'

export interface KeyholdPlace {
  dataDir: string
  kmsUrl: string
}

// Tests and experiments send as much as they can, with few API keys and from one address. The tests of the limits
// themselves set those that they are about.
const withoutRateLimits = {
  KEYHOLD_TIER_1_REQUESTS_PER_MINUTE: '0',
  KEYHOLD_TIER_2_REQUESTS_PER_MINUTE: '0',
  KEYHOLD_MANAGEMENT_REQUESTS_PER_MINUTE: '0',
  KEYHOLD_TENANT_MANAGEMENT_REQUESTS_PER_MINUTE: '0',
  KEYHOLD_DATA_REQUESTS_PER_SECOND: '0',
  KEYHOLD_TENANT_DATA_REQUESTS_PER_SECOND: '0',
  KEYHOLD_UNKNOWN_KEYS_PER_MINUTE: '0',
}

/** Settings as the environment gives them, with a free port and without limits of requests. */
export function keyholdSettings({ dataDir, kmsUrl }: KeyholdPlace): Record<string, string> {
  return {
    ...withoutRateLimits,
    KEYHOLD_PORT: '0',
    KEYHOLD_DATA_DIR: dataDir,
    KEYHOLD_KMS_ENDPOINT: kmsUrl,
    KEYHOLD_KMS_ACCESS_KEY_ID: keyholdAccount,
    KEYHOLD_KMS_SECRET_ACCESS_KEY: 'test',
  }
}
