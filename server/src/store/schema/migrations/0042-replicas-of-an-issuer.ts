// A replica of the version before takes a key provider with an identity token, and the row of an installation that has revoked keys of its
// issuer, for forged. So replicas tell that they know both, and neither is written while one lives that does not.
import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

export const replicasOfAnIssuer: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`alter table keyhold.replicas add column knows_web_identity boolean`.execute(db)
  },
}
