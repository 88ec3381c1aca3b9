import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem

/// `borg init` (keys.md section 8).
extension RepositorySession {
  /// `borg init` after the repository was created: key with new passphrase (nil `secretsFrom`: fresh secrets), manifest,
  /// commit, cache, security entries. Whatever fails before the commit, a refused passphrase above all, leaves neither
  /// the repository nor a key file behind; from the commit on, of which `onCommit` tells, everything stays.
  public static func initialize(
    repository: any Repository, type: KeyType, secretsFrom: RelatedSecrets?, context: SessionContext,
    onCommit: () -> Void = {}
  ) throws -> RepositorySession {
    let session = try makeCommitted(repository, type, secretsFrom, context)
    onCommit()
    try session.saveSecurity()
    try Cache.createNew(session: session, lockWaitSeconds: context.lockWaitSeconds)
    if session.key.tamRequired { try session.security.setTAMRequiredMarker(true) }
    return session
  }

  private static func makeCommitted(
    _ repository: any Repository, _ type: KeyType, _ secretsFrom: RelatedSecrets?, _ context: SessionContext
  ) throws -> RepositorySession {
    var keyFile: String?
    do {
      let made = try makeKey(in: repository, type: type, secretsFrom: secretsFrom, context: context)
      keyFile = made.keyFile
      let session = RepositorySession(newIn: repository, key: made.key, keyFile: made.keyFile, context: context)
      try session.writeManifest()
      try repository.commit(CommitOptions())
      return session
    } catch {
      try? repository.destroy()
      if let keyFile { try? Files.unlink(Array(keyFile.utf8)) }
      throw error
    }
  }

  private static func makeKey(
    in repository: any Repository, type: KeyType, secretsFrom: RelatedSecrets?, context: SessionContext
  ) throws -> (key: Key, keyFile: String?) {
    guard type.storage != .none else {
      context.monitor.info(
        "Encryption NOT enabled.\nUse the \"--encryption=repokey|keyfile\" to enable encryption.",
        logger: "borg.crypto.key")
      return (try Key(type: type, secrets: nil, tamRequired: false), nil)
    }
    let passphrase = try Passphrases(context: context).new()
    guard var secrets = try Key.generate(type: type, repositoryID: repository.id).secrets else {
      preconditionFailure("a generated key of a mode with storage has secrets")
    }
    if let secretsFrom { secrets = try secretsFrom.applied(to: secrets, of: type) }
    secrets.tamRequired = true
    let key = try Key(type: type, secrets: secrets, tamRequired: true, passphraseWasEmpty: passphrase.isEmpty)
    guard let blob = key.sealed(passphrase: passphrase) else {
      preconditionFailure("a key with secrets has a blob")
    }
    let store = KeyStore(repository: repository, environment: context.environment)
    let keyFile = try store.saveNew(blob, type.storage)
    let target = keyFile ?? "<Repository \(repository.location.canonicalPath)>"
    context.monitor.info("Key in \"\(target)\" created.", logger: "borg.crypto.key")
    context.monitor.info(
      "Keep this key safe. Your data will be inaccessible without it.", logger: "borg.crypto.key")
    return (key, keyFile)
  }
}
