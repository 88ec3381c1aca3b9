/// The page of `key export --qr-html`: the key as QR code and as lines to type in, for printing; no script, nothing
/// loaded from elsewhere.
struct KeyPage {
  /// What the QR code holds and `key import` takes.
  let keyFile: [UInt8]
  let paperKey: String
  let code: QRCode

  /// Nil when no QR code is large enough.
  init?(keyFile: [UInt8], paperKey: String) {
    guard let code = QRCode(keyFile) else { return nil }
    self.keyFile = keyFile
    self.paperKey = paperKey
    self.code = code
  }

  var html: String {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <title>BorgBackup printable key backup</title>
    <style>
    body { font-family: monospace; margin: 2em; }
    svg { width: 12cm; height: 12cm; display: block; }
    textarea { width: 75ch; height: 22em; }
    @media print { .screen { display: none; } }
    </style>
    </head>
    <body>
    <h1>BorgBackup printable key backup</h1>
    <p>To restore this key, save the text of the QR code to a file and give it to <b>borg key import</b>, or type the
    lines below into <b>borg key import --paper</b>. You need the passphrase, too.</p>
    \(image)
    <pre>\(KeyPage.escaped(paperKey))</pre>
    <div class="screen">
    <p>The key file:</p>
    <textarea id="keyfile" readonly>
    \(KeyPage.escaped(String(decoding: keyFile, as: UTF8.self)))</textarea>
    </div>
    </body>
    </html>

    """
  }

  /// One path of dark runs, with the quiet zone of four modules that readers need.
  private var image: String {
    var path = ""
    for row in 0..<code.size {
      var column = 0
      while column < code.size {
        let start = column
        while column < code.size, code[column, row] { column += 1 }
        if column > start { path += "M\(start + 4) \(row + 4)h\(column - start)v1h-\(column - start)z" }
        column += 1
      }
    }
    let side = code.size + 8
    return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(side) \(side)\" shape-rendering=\"crispEdges\">"
      + "<rect width=\"\(side)\" height=\"\(side)\" fill=\"#fff\"/><path d=\"\(path)\" fill=\"#000\"/></svg>"
  }

  private static func escaped(_ text: String) -> String {
    var result = ""
    for character in text.unicodeScalars {
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      default: result.unicodeScalars.append(character)
      }
    }
    return result
  }
}
