import { describe, expect, it } from "vitest";
import { and, parse, quote, splice, split, unquote, without } from "../../src/fiql";

describe("a filter in words", () => {
  it("splits outside quotes and parentheses only", () => {
    expect(split('name=="a;b";tag=in=(x,y;z);c', ";")).toEqual(['name=="a;b"', "tag=in=(x,y;z)", "c"]);
    expect(split('a=="\\";"', ";")).toEqual(['a=="\\";"']);
  });
  it("reads conditions, and says where it cannot", () => {
    expect(parse("")).toEqual([]);
    expect(parse("type==meter;runs=lt=5")).toMatchObject([{ field: "type", op: "==", values: ["meter"] }, { field: "runs", op: "=lt=", values: ["5"] }]);
    expect(parse('status=in=(failed,"x y")')).toMatchObject([{ values: ["failed", "x y"] }]);
    expect(parse("(a==b);c==d")).toMatchObject([null, { field: "c" }]);
    expect(parse("a==b,c==d")).toEqual([null]);
  });
  it("removes and adds one condition", () => {
    expect(without("a==b;c==d;e==f", 1)).toBe("a==b;e==f");
    expect(and("", "a==b")).toBe("a==b");
    expect(and("a==b,c==d", "e==f")).toBe("(a==b,c==d);e==f");
  });
  it("quotes what needs it, and back", () => {
    for (const text of ["door-1", "a b", 'say "x"', "back\\slash", "<b>"]) expect(unquote(quote(text))).toBe(text);
  });
});

describe("completion", () => {
  it("puts the server's word where it belongs, by bytes", () => {
    expect(splice("sta", 0, 3, { text: "status", means: null, devices: null })).toMatchObject({ query: "status", caret: 6 });
    const query = "name==Grüße;sta";
    const bytes = new TextEncoder().encode(query).length;
    expect(splice(query, bytes - 3, bytes, { text: "status", means: "how it stands", devices: 3 })).toMatchObject({ query: "name==Grüße;status", caret: 18, note: "how it stands · 3\u00a0devices" });
  });
});
