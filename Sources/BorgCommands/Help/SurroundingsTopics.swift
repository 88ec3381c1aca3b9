/// The topics about what surrounds a run: environment variables and exit codes.
extension HelpTopics {
  static let environment = """
    These environment variables say what is not said on the command line. One that is set to an empty text counts as
    set, unless a default is named for it.

    Where and how:

    BORG_REPO                 the repository when a location names none: "borg list", "borg create ::{now} ~"
    BORG_PASSPHRASE           the passphrase
    BORG_PASSCOMMAND          a command that prints it, when BORG_PASSPHRASE is not set
    BORG_PASSPHRASE_FD        a file descriptor to read it from, when neither is set
    BORG_NEW_PASSPHRASE       the passphrase of a new repository or of a changed key
    BORG_KEY_FILE             the key file, for keyfile modes
    BORG_RSH                  how remote repositories are reached, default ssh
    BORG_REMOTE_PATH          the program on the far side, default borg
    BORG_EXIT_CODES           modern: each kind of error and warning has its own exit code
    BORG_HOST_ID              who holds a lock, instead of host name and network card
    BORG_HOSTNAME             the host name in new archives and in {hostname}
    BORG_USERNAME             the user name in new archives and in {user}

    Answers to questions, yes or no ("YES" for the last two):

    BORG_DISPLAY_PASSPHRASE                       show a new passphrase once more?
    BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK    go on with an unencrypted repository never seen before?
    BORG_RELOCATED_REPO_ACCESS_IS_OK              go on with a repository that has moved?
    BORG_CHECK_I_KNOW_WHAT_I_AM_DOING             check --repair?
    BORG_DELETE_I_KNOW_WHAT_I_AM_DOING            delete a whole repository?

    Directories:

    BORG_BASE_DIR             what the following are in, default the home directory
    BORG_CACHE_DIR            caches, default .cache/borg
    BORG_CONFIG_DIR           configuration, default .config/borg
    BORG_KEYS_DIR             key files, default keys in the configuration
    BORG_SECURITY_DIR         what is known about repositories, default security in the configuration
    TMPDIR                    temporary files

    Details:

    BORG_FILES_CACHE_SUFFIX   use a files cache of this name, one for each set of paths that is backed up
    BORG_FILES_CACHE_TTL      after how many runs files that are gone are forgotten, default 20
    BORG_USE_CHUNKS_ARCHIVE   no: keep no chunk lists of single archives in the cache
    BORG_JSON_INDENT          how --json documents are indented: a number, a text, or none; default 4
    BORG_MOUNT_DATA_CACHE_ENTRIES
                              how many chunks a mount keeps in memory
    BORG_MOUNT_CACHE_SIZE     the same in bytes, such as 256M
    BORG_MOUNT_INDEX_SIZE     how much of what mounts have read is kept in the cache directory, default 1G; 0: nothing
    BORG_WORKAROUNDS          comma-separated: basesyncfile, retry_erofs, authenticated_no_key,
                              ignore_invalid_archive_tam
    COLUMNS                   the width of help texts

    Programs that this one starts do not see BORG_PASSPHRASE, and see the version in BORG_VERSION.

    Examples:

        export BORG_REPO=/srv/repo BORG_PASSCOMMAND='cat /root/.borg-passphrase'
        borg create ::{hostname}-{now} /etc /home && borg prune --keep-daily 7 && borg compact
    """

  static let exitCodes = """
    0       success
    1       done, with warnings: something was left out or is not as expected; the log says what
    2       error: not done
    128+N   ended by signal N, such as 130 for a second Ctrl-C and 143 for SIGTERM

    With BORG_EXIT_CODES=modern errors have codes from 3 to 99 and warnings from 100 to 127, and wrong command lines
    have 2. Warnings of different kinds give 1. These are of use to scripts:

    10   there is a repository already         50   no passphrase was given
    12   run borg check                        51   BORG_PASSCOMMAND failed
    13   no such repository                    52   the passphrase is wrong
    14   not enough free space                 61   the encryption mode has changed
    15   not a repository                      62   the repository has moved, access refused
    20   the storage quota is used up          63   two repositories have the same id
    25   a newer program is needed             64   the repository is older than it was: attack or copy
    26   there is no manifest                  73   locked by somebody else
    30   there is an archive of this name      80   the connection was closed
    31   no such archive                       83   the server does not allow this path
    42   the key file is missing               87   the connection broke
    44   the key is missing in the repository  90   data are damaged

    100  a file changed while it was read      105  permission denied
    101  a PATH matched nothing                106  a file could not be read
    103  a file was replaced meanwhile         107  a file was not found

    with-lock has the exit code of its command. diff and prune end with 0 whatever they find; check ends with 1 when it
    finds damage. --show-rc logs the code as the last line.
    """
}
