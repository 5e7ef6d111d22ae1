
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'vault' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'vault'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'vault' {
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault file [environment: `VAULT_FILE`]')
            [CompletionResult]::new('--key-file', '--key-file', [CompletionResultType]::ParameterName, 'Unlock with this key file [environment: `VAULT_KEY_FILE`]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to answer; a table on a terminal, plain otherwise')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why: goes into the audit log')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; fail instead')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Make a vault')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Tell where the vault is and how it stands, without unlocking')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Look for problems: files, permissions, schema, database and, when unlocked, every row')
            [CompletionResult]::new('cred', 'cred', [CompletionResultType]::ParameterValue, 'Keep, find and use credentials')
            [CompletionResult]::new('audit', 'audit', [CompletionResultType]::ParameterValue, 'See who touched what, when and why, and prove it')
            [CompletionResult]::new('import', 'import', [CompletionResultType]::ParameterValue, 'Store many credentials at once: all of them or none')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print the completion script of a shell; it knows the names of your credentials')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Write the manual pages into a directory')
            [CompletionResult]::new('demo', 'demo', [CompletionResultType]::ParameterValue, 'Walk through the main commands on a vault that is thrown away afterwards')
            [CompletionResult]::new('trust-state', 'trust-state', [CompletionResultType]::ParameterValue, 'Accept a vault file that is older than its seal, after you restored it yourself')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Explain a command, or a topic: exit-codes, environment')
            break
        }
        'vault;init' {
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault file [environment: `VAULT_FILE`]')
            [CompletionResult]::new('--key-file', '--key-file', [CompletionResultType]::ParameterName, 'Unlock with this key file [environment: `VAULT_KEY_FILE`]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to answer; a table on a terminal, plain otherwise')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why: goes into the audit log')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; fail instead')
            [CompletionResult]::new('--allow-weak', '--allow-weak', [CompletionResultType]::ParameterName, 'Accept a passphrase that can be guessed')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'vault;status' {
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault file [environment: `VAULT_FILE`]')
            [CompletionResult]::new('--key-file', '--key-file', [CompletionResultType]::ParameterName, 'Unlock with this key file [environment: `VAULT_KEY_FILE`]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to answer; a table on a terminal, plain otherwise')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why: goes into the audit log')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; fail instead')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'vault;doctor' {
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault file [environment: `VAULT_FILE`]')
            [CompletionResult]::new('--key-file', '--key-file', [CompletionResultType]::ParameterName, 'Unlock with this key file [environment: `VAULT_KEY_FILE`]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to answer; a table on a terminal, plain otherwise')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why: goes into the audit log')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; fail instead')
            [CompletionResult]::new('--unlock', '--unlock', [CompletionResultType]::ParameterName, 'Unlock, to check every row; done anyway when a key source is configured')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'vault;cred' {
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault file [environment: `VAULT_FILE`]')
            [CompletionResult]::new('--key-file', '--key-file', [CompletionResultType]::ParameterName, 'Unlock with this key file [environment: `VAULT_KEY_FILE`]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to answer; a table on a terminal, plain otherwise')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why: goes into the audit log')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; fail instead')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('add', 'add', [CompletionResultType]::ParameterValue, 'Keep a new credential')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List credentials, without unlocking')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show what is known of a credential; secrets as dots')
            [CompletionResult]::new('get', 'get', [CompletionResultType]::ParameterValue, 'Print one secret, byte for byte')
            [CompletionResult]::new('set', 'set', [CompletionResultType]::ParameterValue, 'Change a credential: its metadata, or a secret, which gets a new version')
            [CompletionResult]::new('rename', 'rename', [CompletionResultType]::ParameterValue, 'Give a credential another name')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Move a credential to the trash')
            [CompletionResult]::new('restore', 'restore', [CompletionResultType]::ParameterValue, 'Bring a credential back from the trash')
            [CompletionResult]::new('purge', 'purge', [CompletionResultType]::ParameterValue, 'Destroy a credential and all its versions, for good')
            break
        }
        'vault;cred;add' {
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault file [environment: `VAULT_FILE`]')
            [CompletionResult]::new('--key-file', '--key-file', [CompletionResultType]::ParameterName, 'Unlock with this key file [environment: `VAULT_KEY_FILE`]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to answer; a table on a terminal, plain otherwise')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why: goes into the audit log')
            [CompletionResult]::new('--type', '--type', [CompletionResultType]::ParameterName, 'What sort of credential it is')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'Whom to log in as')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Where to log in')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'On which machine')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'At which TCP port')
            [CompletionResult]::new('--database', '--database', [CompletionResultType]::ParameterName, 'For which database')
            [CompletionResult]::new('--client', '--client', [CompletionResultType]::ParameterName, 'Whose credential it is')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'For which service')
            [CompletionResult]::new('--infra', '--infra', [CompletionResultType]::ParameterName, 'On which system or part of the infrastructure')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'In which environment: production, staging, …')
            [CompletionResult]::new('--owner', '--owner', [CompletionResultType]::ParameterName, 'Who answers for it')
            [CompletionResult]::new('--description', '--description', [CompletionResultType]::ParameterName, 'What it is for')
            [CompletionResult]::new('--tag', '--tag', [CompletionResultType]::ParameterName, 'A tag; may be given several times')
            [CompletionResult]::new('--expires', '--expires', [CompletionResultType]::ParameterName, 'When it ends: 2027-01-31, or 90d from now')
            [CompletionResult]::new('--rotate-every', '--rotate-every', [CompletionResultType]::ParameterName, 'How often to change it: 90d')
            [CompletionResult]::new('--field', '--field', [CompletionResultType]::ParameterName, 'A further public field; may be given several times')
            [CompletionResult]::new('--notes-file', '--notes-file', [CompletionResultType]::ParameterName, 'Notes to keep sealed, from a file')
            [CompletionResult]::new('--secret-field', '--secret-field', [CompletionResultType]::ParameterName, 'A secret field to fill; may be given several times')
            [CompletionResult]::new('--file', '--file', [CompletionResultType]::ParameterName, 'Read it from a file')
            [CompletionResult]::new('--fd', '--fd', [CompletionResultType]::ParameterName, 'Read it from an open descriptor')
            [CompletionResult]::new('--generate', '--generate', [CompletionResultType]::ParameterName, 'Make a random one')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; fail instead')
            [CompletionResult]::new('--requires-vpn', '--requires-vpn', [CompletionResultType]::ParameterName, 'Works only inside a VPN')
            [CompletionResult]::new('--requires-2fa', '--requires-2fa', [CompletionResultType]::ParameterName, 'Asks for a second factor')
            [CompletionResult]::new('--stdin', '--stdin', [CompletionResultType]::ParameterName, 'Read it from standard input')
            [CompletionResult]::new('--exact', '--exact', [CompletionResultType]::ParameterName, 'Keep a final newline')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'vault;cred;list' {
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault file [environment: `VAULT_FILE`]')
            [CompletionResult]::new('--key-file', '--key-file', [CompletionResultType]::ParameterName, 'Unlock with this key file [environment: `VAULT_KEY_FILE`]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to answer; a table on a terminal, plain otherwise')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why: goes into the audit log')
            [CompletionResult]::new('--type', '--type', [CompletionResultType]::ParameterName, 'Only of this sort')
            [CompletionResult]::new('--client', '--client', [CompletionResultType]::ParameterName, 'Only of this client')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only for this service')
            [CompletionResult]::new('--infra', '--infra', [CompletionResultType]::ParameterName, 'Only on this system')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'Only with this user name')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Only for this URL')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'Only on this host')
            [CompletionResult]::new('--owner', '--owner', [CompletionResultType]::ParameterName, 'Only of this owner')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'Only in this environment')
            [CompletionResult]::new('--database', '--database', [CompletionResultType]::ParameterName, 'Only for this database')
            [CompletionResult]::new('--tag', '--tag', [CompletionResultType]::ParameterName, 'Only with this tag')
            [CompletionResult]::new('--search', '--search', [CompletionResultType]::ParameterName, 'Only those with this text anywhere in what lies in clear')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'At most so many')
            [CompletionResult]::new('--offset', '--offset', [CompletionResultType]::ParameterName, 'Leave out so many first')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; fail instead')
            [CompletionResult]::new('--deleted', '--deleted', [CompletionResultType]::ParameterName, 'Those in the trash')
            [CompletionResult]::new('--verify', '--verify', [CompletionResultType]::ParameterName, 'Unlock, and check against the vault''s keys what is listed')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'vault;cred;show' {
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault file [environment: `VAULT_FILE`]')
            [CompletionResult]::new('--key-file', '--key-file', [CompletionResultType]::ParameterName, 'Unlock with this key file [environment: `VAULT_KEY_FILE`]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to answer; a table on a terminal, plain otherwise')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why: goes into the audit log')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; fail instead')
            [CompletionResult]::new('--reveal', '--reveal', [CompletionResultType]::ParameterName, 'Show the secrets too; logged as decrypt')
            [CompletionResult]::new('--raw', '--raw', [CompletionResultType]::ParameterName, 'Show secrets on the terminal even if they could drive it')
            [CompletionResult]::new('--verify', '--verify', [CompletionResultType]::ParameterName, 'Unlock, and check against the vault''s keys what is shown')
            [CompletionResult]::new('--deleted', '--deleted', [CompletionResultType]::ParameterName, 'One in the trash')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'vault;cred;get' {
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault file [environment: `VAULT_FILE`]')
            [CompletionResult]::new('--key-file', '--key-file', [CompletionResultType]::ParameterName, 'Unlock with this key file [environment: `VAULT_KEY_FILE`]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to answer; a table on a terminal, plain otherwise')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why: goes into the audit log')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; fail instead')
            [CompletionResult]::new('--raw', '--raw', [CompletionResultType]::ParameterName, 'Show it on the terminal even if it could drive it')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'vault;cred;set' {
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault file [environment: `VAULT_FILE`]')
            [CompletionResult]::new('--key-file', '--key-file', [CompletionResultType]::ParameterName, 'Unlock with this key file [environment: `VAULT_KEY_FILE`]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to answer; a table on a terminal, plain otherwise')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why: goes into the audit log')
            [CompletionResult]::new('--username', '--username', [CompletionResultType]::ParameterName, 'Whom to log in as')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Where to log in')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'On which machine')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'At which TCP port')
            [CompletionResult]::new('--database', '--database', [CompletionResultType]::ParameterName, 'For which database')
            [CompletionResult]::new('--client', '--client', [CompletionResultType]::ParameterName, 'Whose credential it is')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'For which service')
            [CompletionResult]::new('--infra', '--infra', [CompletionResultType]::ParameterName, 'On which system or part of the infrastructure')
            [CompletionResult]::new('--environment', '--environment', [CompletionResultType]::ParameterName, 'In which environment: production, staging, …')
            [CompletionResult]::new('--owner', '--owner', [CompletionResultType]::ParameterName, 'Who answers for it')
            [CompletionResult]::new('--description', '--description', [CompletionResultType]::ParameterName, 'What it is for')
            [CompletionResult]::new('--tag', '--tag', [CompletionResultType]::ParameterName, 'A tag; may be given several times')
            [CompletionResult]::new('--expires', '--expires', [CompletionResultType]::ParameterName, 'When it ends: 2027-01-31, or 90d from now')
            [CompletionResult]::new('--rotate-every', '--rotate-every', [CompletionResultType]::ParameterName, 'How often to change it: 90d')
            [CompletionResult]::new('--field', '--field', [CompletionResultType]::ParameterName, 'A further public field; may be given several times')
            [CompletionResult]::new('--notes-file', '--notes-file', [CompletionResultType]::ParameterName, 'Notes to keep sealed, from a file')
            [CompletionResult]::new('--remove-tag', '--remove-tag', [CompletionResultType]::ParameterName, 'Take a tag away; may be given several times')
            [CompletionResult]::new('--remove-field', '--remove-field', [CompletionResultType]::ParameterName, 'Take a public field away; may be given several times')
            [CompletionResult]::new('--file', '--file', [CompletionResultType]::ParameterName, 'Read it from a file')
            [CompletionResult]::new('--fd', '--fd', [CompletionResultType]::ParameterName, 'Read it from an open descriptor')
            [CompletionResult]::new('--generate', '--generate', [CompletionResultType]::ParameterName, 'Make a random one')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; fail instead')
            [CompletionResult]::new('--requires-vpn', '--requires-vpn', [CompletionResultType]::ParameterName, 'Works only inside a VPN')
            [CompletionResult]::new('--requires-2fa', '--requires-2fa', [CompletionResultType]::ParameterName, 'Asks for a second factor')
            [CompletionResult]::new('--no-requires-vpn', '--no-requires-vpn', [CompletionResultType]::ParameterName, 'Works without a VPN after all')
            [CompletionResult]::new('--no-requires-2fa', '--no-requires-2fa', [CompletionResultType]::ParameterName, 'Asks for no second factor after all')
            [CompletionResult]::new('--stdin', '--stdin', [CompletionResultType]::ParameterName, 'Read it from standard input')
            [CompletionResult]::new('--exact', '--exact', [CompletionResultType]::ParameterName, 'Keep a final newline')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'vault;cred;rename' {
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault file [environment: `VAULT_FILE`]')
            [CompletionResult]::new('--key-file', '--key-file', [CompletionResultType]::ParameterName, 'Unlock with this key file [environment: `VAULT_KEY_FILE`]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to answer; a table on a terminal, plain otherwise')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why: goes into the audit log')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; fail instead')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'vault;cred;rm' {
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault file [environment: `VAULT_FILE`]')
            [CompletionResult]::new('--key-file', '--key-file', [CompletionResultType]::ParameterName, 'Unlock with this key file [environment: `VAULT_KEY_FILE`]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to answer; a table on a terminal, plain otherwise')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why: goes into the audit log')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; fail instead')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'vault;cred;restore' {
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault file [environment: `VAULT_FILE`]')
            [CompletionResult]::new('--key-file', '--key-file', [CompletionResultType]::ParameterName, 'Unlock with this key file [environment: `VAULT_KEY_FILE`]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to answer; a table on a terminal, plain otherwise')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why: goes into the audit log')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; fail instead')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'vault;cred;purge' {
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault file [environment: `VAULT_FILE`]')
            [CompletionResult]::new('--key-file', '--key-file', [CompletionResultType]::ParameterName, 'Unlock with this key file [environment: `VAULT_KEY_FILE`]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to answer; a table on a terminal, plain otherwise')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why: goes into the audit log')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; fail instead')
            [CompletionResult]::new('--deleted', '--deleted', [CompletionResultType]::ParameterName, 'The one in the trash; needed when a live one has the same name')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'vault;audit' {
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault file [environment: `VAULT_FILE`]')
            [CompletionResult]::new('--key-file', '--key-file', [CompletionResultType]::ParameterName, 'Unlock with this key file [environment: `VAULT_KEY_FILE`]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to answer; a table on a terminal, plain otherwise')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why: goes into the audit log')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; fail instead')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show entries of the audit log, newest first, or one of them in full')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Check that the audit log is intact, and up to where it is complete')
            break
        }
        'vault;audit;show' {
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault file [environment: `VAULT_FILE`]')
            [CompletionResult]::new('--key-file', '--key-file', [CompletionResultType]::ParameterName, 'Unlock with this key file [environment: `VAULT_KEY_FILE`]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to answer; a table on a terminal, plain otherwise')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why: goes into the audit log')
            [CompletionResult]::new('--cred', '--cred', [CompletionResultType]::ParameterName, 'Only about this credential, by its name then or now')
            [CompletionResult]::new('--action', '--action', [CompletionResultType]::ParameterName, 'Only this action')
            [CompletionResult]::new('--actor', '--actor', [CompletionResultType]::ParameterName, 'Only by this user')
            [CompletionResult]::new('--outcome', '--outcome', [CompletionResultType]::ParameterName, 'Only with this outcome')
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'Not before: 2027-01-31, or 7d ago')
            [CompletionResult]::new('--until', '--until', [CompletionResultType]::ParameterName, 'Not after')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'At most so many; 0 for all')
            [CompletionResult]::new('--offset', '--offset', [CompletionResultType]::ParameterName, 'Leave out so many first')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; fail instead')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'vault;audit;verify' {
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault file [environment: `VAULT_FILE`]')
            [CompletionResult]::new('--key-file', '--key-file', [CompletionResultType]::ParameterName, 'Unlock with this key file [environment: `VAULT_KEY_FILE`]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to answer; a table on a terminal, plain otherwise')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why: goes into the audit log')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; fail instead')
            [CompletionResult]::new('--unlock', '--unlock', [CompletionResultType]::ParameterName, 'Unlock, to check the keyed marks too; done anyway when a key source is configured')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'vault;import' {
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'The format of what is read; or how to answer: table, json, plain')
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault file [environment: `VAULT_FILE`]')
            [CompletionResult]::new('--key-file', '--key-file', [CompletionResultType]::ParameterName, 'Unlock with this key file [environment: `VAULT_KEY_FILE`]')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why: goes into the audit log')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Check everything, store nothing')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; fail instead')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'vault;completions' {
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault file [environment: `VAULT_FILE`]')
            [CompletionResult]::new('--key-file', '--key-file', [CompletionResultType]::ParameterName, 'Unlock with this key file [environment: `VAULT_KEY_FILE`]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to answer; a table on a terminal, plain otherwise')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why: goes into the audit log')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; fail instead')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'vault;man' {
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault file [environment: `VAULT_FILE`]')
            [CompletionResult]::new('--key-file', '--key-file', [CompletionResultType]::ParameterName, 'Unlock with this key file [environment: `VAULT_KEY_FILE`]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to answer; a table on a terminal, plain otherwise')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why: goes into the audit log')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; fail instead')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'vault;demo' {
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault file [environment: `VAULT_FILE`]')
            [CompletionResult]::new('--key-file', '--key-file', [CompletionResultType]::ParameterName, 'Unlock with this key file [environment: `VAULT_KEY_FILE`]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to answer; a table on a terminal, plain otherwise')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why: goes into the audit log')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; fail instead')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'vault;trust-state' {
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault file [environment: `VAULT_FILE`]')
            [CompletionResult]::new('--key-file', '--key-file', [CompletionResultType]::ParameterName, 'Unlock with this key file [environment: `VAULT_KEY_FILE`]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to answer; a table on a terminal, plain otherwise')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why: goes into the audit log')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; fail instead')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'vault;help' {
            [CompletionResult]::new('--vault', '--vault', [CompletionResultType]::ParameterName, 'The vault file [environment: `VAULT_FILE`]')
            [CompletionResult]::new('--key-file', '--key-file', [CompletionResultType]::ParameterName, 'Unlock with this key file [environment: `VAULT_KEY_FILE`]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to answer; a table on a terminal, plain otherwise')
            [CompletionResult]::new('--reason', '--reason', [CompletionResultType]::ParameterName, 'Why: goes into the audit log')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer in JSON, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'No notes, no warnings, no progress')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask; fail instead')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
