import BorgFormat
import BorgObjects
import BorgRepository

/// What became of one object that a check of archives has read.
///
/// What the repository cannot read ends the check, as in Borg: it may be read rightly the next time, and `--repair` would
/// have deleted it. What is lost for good, the repository's own check takes out of the index first.
enum CheckedObject: Sendable {
  case bytes([UInt8])
  case missing(RepositoryError)
  case damaged(String)
  case failed(any Error)

  init(_ id: ChunkID, _ repository: any Repository, _ codec: ObjectCodec, _ workspace: CodecWorkspace) {
    do {
      let object = try repository.get(id)
      do { self = .bytes(try codec.unseal(object, id: id, workspace: workspace)) } catch let error
        where CheckState.isDamage(error)
      {
        self = .damaged(CheckState.text(error))
      }
    } catch let error as RepositoryError {
      self = if case .objectNotFound = error { .missing(error) } else { .failed(error) }
    } catch {
      self = .failed(error)
    }
  }

  var byteCount: Int { if case .bytes(let bytes) = self { bytes.count } else { 0 } }
}
