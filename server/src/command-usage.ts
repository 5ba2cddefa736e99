// The help of `keyhold-server`. Its man page is made of it.

export const usage = `Usage: keyhold-server <command>

  dev                                run everything that is needed to try Keyhold by hand: a local KMS, a PostgreSQL, the
                                     service and a demo tenant
  serve [--replicas N|auto]          run the service; settings come from KEYHOLD_… variables (docs/configuration.md); with N
                                     replicas (1 to 64) that share the port, or as many as there are processors: auto
  root-key create                    make the root key file of a new installation, and print where it is
  migrate [--serve-role ROLE]        bring the schema of the database up to date, and give another database role what a server
                                     needs; "serve" does the first by itself if its role may
  upgrade-check                      say, before an upgrade to this version, whether replicas can be replaced one after the
                                     other; ends with 0 if so, and with 3 if all must be stopped first
  create-operator-key [--name NAME] [--expires-in DAYS]
                                     create an operator's API key and print it; it is shown only once; it ends after so many
                                     days (1 to 3650, default 90), or not by itself: none
  unused-api-keys [--days N]         list the API keys that nobody has used for N days (1 to 3650, default 90)
  check-config [--json]              print the settings in force, without secrets, and what is wrong with them; starts nothing
  doctor [--strict] [--json]         look at settings, database, rights, root key, AWS, clock, disk, files and names, and say
                                     what to do; ends with 1 if something fails, with --strict for warnings, too
  doctor --integrity                 compare the rows of the database with each other, with the audit trail and with
                                     their MACs, and list what is wrong; ends with 0 if nothing is, and with 3 otherwise
  doctor --integrity --accept TABLE KEY [--yes]
                                     show a row that it has listed, and accept it as it is
  jwt explain                        read a JWT from the standard input and print which issuer, rule, mapping, tenant, role and scopes
                                     it meets, never the token; ends with 0 if it names a caller, and with 1 if it is refused
  signing-key rotate [--yes]         replace the key that signs reports, records and the audit trail, destroy its private
                                     half, and print the id of the new one; signatures of the old one stay valid
  issuer export DIR                  write the two public pages of the issuer as files below a folder, for another web server
  issuer check                       fetch these pages from where KEYHOLD_ISSUER_URL says, compare them, and list what is wrong;
                                     ends with 0 if nothing is, and with 3 otherwise
  issuer rotate [--now] [--yes]      make the next key of the issuer, published for a week before it signs, and print its id;
                                     with --now it signs at once, and all others are revoked
  confirm-restore [--yes] [--from FOLDER]...
                                     show by how much the database is older than what the state folder knows, and those
                                     of other replicas that are named, and go on with it: what was locked, revoked,
                                     retired or cancelled since stays so
  integrity adopt [--yes] [--output FILE]
                                     show the rows that steer and that nobody has authenticated yet, authenticate them,
                                     and require it from then on: the root key file then says so, or FILE if it is named
  integrity rotate [--at-once N]     rotate the keys of all tenants whose data keys have names and times that nothing proves yet,
                                     N tenants at a time (1 to 100, default 2); replicas must run; ends with 1 if any is left
`

/** Answers the part of the help that is about a command, or all of it where the word begins none. */
export function usageOf(word: string | undefined): string {
  const [head = '', ...entries] = usage.split(/\n(?= {2}[a-z])/)
  const own = entries.filter((entry) => entry.trim().split(' ', 1)[0] === word)
  return own.length === 0 ? usage : `${[head, ...own].join('\n').trimEnd()}\n`
}
