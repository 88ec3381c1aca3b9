import BorgFormat
import BorgRepository

/// Tells a distant repository which objects a pipeline will ask for, as far ahead as keeps the line full and no
/// farther: what was announced too early would take the room of what others need first.
struct Announcer<Input> {
  private let repository: any Repository
  private let id: (Input) -> ChunkID
  private let maximumBytes: Int
  private let knowsSizes: Bool

  /// From the next input to be consumed on; those before `announced` have been announced.
  private var waiting: [(id: ChunkID, bytes: Int)] = []
  private var head = 0
  private var announced = 0
  private var bytesAhead = 0

  /// Objects may be small; there is no sense in announcing more of them at once.
  static var maximumCount: Int { 16384 }
  private static var smallestObject: Int { 64 }
  /// Where nothing is known of the size.
  private static var usualObject: Int { 128 << 10 }

  /// Nil when the repository is near. `knowsSizes`: expected costs are about what the objects have in bytes.
  init?(
    _ repository: any Repository, maximumBytes: Int = .max, knowsSizes: Bool = true,
    id: @escaping (Input) -> ChunkID
  ) {
    guard repository.readAheadBytes > 0 else { return nil }
    self.repository = repository
    self.id = id
    self.knowsSizes = knowsSizes
    self.maximumBytes = min(repository.readAheadBytes, maximumBytes)
  }

  mutating func add(_ inputs: some Collection<(input: Input, expectedCost: Int)>) {
    for entry in inputs {
      let bytes = entry.expectedCost > 0 ? entry.expectedCost : Announcer.usualObject
      waiting.append((id(entry.input), max(bytes, Announcer.smallestObject)))
    }
    announce()
  }

  /// One input was consumed.
  mutating func advance() {
    guard head < waiting.count else { return }
    if announced > head { bytesAhead -= waiting[head].bytes }
    head += 1
    announced = max(announced, head)
    if bytesAhead <= maximumBytes / 2, announced - head <= Announcer.maximumCount / 2 { announce() }
    guard head > 4096, head > waiting.count / 2 else { return }
    waiting.removeFirst(head)
    announced -= head
    head = 0
  }

  mutating func clear() {
    waiting = []
    (head, announced, bytesAhead) = (0, 0, 0)
  }

  private mutating func announce() {
    var ids: [ChunkID] = []
    var sizes: [Int] = []
    while announced < waiting.count, announced - head < Announcer.maximumCount, bytesAhead < maximumBytes {
      ids.append(waiting[announced].id)
      sizes.append(waiting[announced].bytes)
      bytesAhead += waiting[announced].bytes
      announced += 1
    }
    if !ids.isEmpty { repository.prefetch(ids, sizes: knowsSizes ? sizes : []) }
  }
}

extension Announcer<Manifest.Entry> {
  /// The metadata of archives that are opened one after another, while their item streams come as well.
  init?(metadataOf archives: some Collection<Manifest.Entry>, in repository: any Repository) {
    self.init(repository, maximumBytes: 2 << 20, id: \.id)
    add(archives.map { (input: $0, expectedCost: 32 << 10) })
  }
}

extension Repository {
  /// Announces objects where that helps.
  func announce(_ ids: [ChunkID]) {
    if readAheadBytes > 0, ids.count > 1 { prefetch(ids) }
  }
}

extension RepositorySession {
  /// Says that the metadata of these archives will be read, one after another.
  public func announce(_ archives: some Collection<Manifest.Entry>) { repository.announce(archives.map(\.id)) }
}
