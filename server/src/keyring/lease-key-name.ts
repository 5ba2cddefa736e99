// The data key of a tenant's leases is a data key under a name of its own, with a new version each day. No key name for
// encryption has a colon, so nobody else's name is the same.

export const leaseKeyName = 'lease:'

/** Whether a name counts for the tenant's quota of key names. */
export function isCountedKeyName(keyName: string | undefined): boolean {
  return keyName !== undefined && keyName !== leaseKeyName
}
