import Synchronization
import Testing

@testable import BorgObjects

@Suite struct NonceSourceTests {
  @Test func `values come from the reservation until it is used up`() throws {
    let asked = Mutex<[(UInt64, UInt64?)]>([])
    let source = NonceSource { blocks, held in
      asked.withLock { $0.append((blocks, held)) }
      let base = held ?? 1000
      return base..<base + blocks + 100
    }
    #expect(try source.take(10) == 1000)
    #expect(try source.take(60) == 1010)
    #expect(try source.take(40) == 1070)
    #expect(try source.take(1) == 1110)
    asked.withLock { #expect($0.map(\.0) == [10, 1] && $0.map(\.1) == [nil, 1110]) }
  }

  @Test func `what a reservation throws comes out, and the next attempt asks again`() throws {
    struct Refused: Error {}
    let attempts = Mutex(0)
    let source = NonceSource { blocks, _ in
      if attempts.withLock({
        $0 += 1; return $0
      }) == 1 {
        throw Refused()
      }
      return 5..<5 + blocks
    }
    #expect(throws: Refused.self) { try source.take(3) }
    #expect(try source.take(3) == 5)
  }
}
