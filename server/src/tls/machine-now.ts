/** OpenSSL judges certificates by the clock of this machine, whatever that of the database says. */
export function machineNow(): number {
  // oxlint-disable-next-line clock/database-clock
  return Date.now()
}
