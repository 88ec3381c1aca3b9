import BorgSystem
import Synchronization
import Testing

@Suite struct ThreadsTests {
  @Test func `a bounded queue hands everything over once and in order`() throws {
    let queue = BoundedQueue<Int>(capacity: 3)
    let received = Mutex<[Int]>([])
    let reader = try Worker {
      while let element = queue.pop() { received.withLock { $0.append(element) } }
    }
    for element in 0..<1000 { #expect(queue.push(element)) }
    queue.close()
    reader.join()
    #expect(received.withLock { $0 } == Array(0..<1000))
    #expect(!queue.push(1))
  }

  @Test func `closing releases a blocked writer`() throws {
    let queue = BoundedQueue<Int>(capacity: 1)
    queue.push(0)
    let refused = Mutex(false)
    let writer = try Worker { refused.withLock { $0 = !queue.push(1) } }
    queue.close()
    writer.join()
    #expect(queue.pop() == 0)
    #expect(queue.pop() == nil)
    #expect(refused.withLock { $0 })
  }
}
