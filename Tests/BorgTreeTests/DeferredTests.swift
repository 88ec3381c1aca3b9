import BorgTesting
import Synchronization
import Testing

@testable import BorgTree

@Suite struct DeferredTests {
  private final class Thing: Sendable {}

  private final class Workshop: Sendable {
    let calls = Atomic(0)

    /// The first `count` calls fail.
    func make(failing count: Int) throws(TreeError) -> Thing {
      guard calls.add(1, ordering: .relaxed).newValue > count else { throw .ioFailed("not yet") }
      return Thing()
    }
  }

  @Test func `it is made once, when it is asked for`() throws {
    let workshop = Workshop()
    let deferred = Deferred { () throws(TreeError) in try workshop.make(failing: 0) }
    #expect(deferred.known == nil)
    #expect(try deferred.value() === deferred.value())
    #expect(deferred.known != nil)
    #expect(workshop.calls.load(ordering: .relaxed) == 1)
  }

  @Test func `what failed is not tried with every call, and tried again later`() throws {
    let workshop = Workshop()
    let patient = Deferred(secondsToRetry: 1000) { () throws(TreeError) in try workshop.make(failing: 1) }
    for _ in 0..<3 { #expect(throws: TreeError.ioFailed("not yet")) { try patient.value() } }
    #expect(workshop.calls.load(ordering: .relaxed) == 1)
    let other = Workshop()
    let eager = Deferred(secondsToRetry: 0) { () throws(TreeError) in try other.make(failing: 1) }
    #expect(throws: TreeError.ioFailed("not yet")) { try eager.value() }
    #expect(try eager.value() === eager.known)
  }

  @Test func `a lazy tree's root is told while the tree is being made`() throws {
    let source = MemoryTreeSource([("a", [.file("f", "1")])])
    let known = Mutex<LazyTree?>(nil)
    let seen = Mutex<[Attributes]>([])
    let tree = LazyTree(options: .test) { () throws(TreeError) in
      if let tree = known.withLock({ $0 }) {
        let root = try tree.attributes(of: 1)
        seen.withLock { $0.append(root) }
        #expect(tree.statistics.loadedArchives == 0)
      }
      return try ArchiveTree(mergedFrom: source, options: .test)
    }
    known.withLock { $0 = tree }
    #expect(try tree.names("") == [".", "..", "f"])
    #expect(seen.withLock { $0.map(\.areFinal) } == [false])
    #expect(try tree.attributes(of: 1).areFinal)
    known.withLock { $0 = nil }
  }
}
