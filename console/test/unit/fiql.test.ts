import { describe, expect, it } from "vitest";
import { and, complete, parse, quote, split, unquote, without } from "../../src/fiql";

const words = { field: "f", value: "v", op: {} };

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
  const values = (field: string): string[] => (field === "status" ? ["failed", "reverted"] : []);
  it("offers fields, then operators, then values", () => {
    expect(complete("sta", 3, values, words).map((one) => one.query)).toContain("status");
    expect(complete("status", 6, values, words).map((one) => one.text)).toContain("==");
    expect(complete("status==fa", 10, values, words)[0]?.query).toBe("status==failed");
    expect(complete("a==b;status=in=(failed,re", 25, values, words)[0]?.query).toBe("a==b;status=in=(failed,reverted");
  });
});
