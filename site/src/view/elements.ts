// How chemists are used to see the elements: CPK colours as Jmol has them, and van der Waals radii.

/**
 * Symbol, colour, and radius in Å where one is known: Bondi, J. Phys. Chem. 68, 441, 1964; Mantina
 * et al., J. Phys. Chem. A 113, 5806, 2009.
 */
const table = `
H:ffffff:1.2 He:d9ffff:1.4 Li:cc80ff:1.82 Be:c2ff00:1.53 B:ffb5b5:1.92 C:909090:1.7
N:3050f8:1.55 O:ff0d0d:1.52 F:90e050:1.47 Ne:b3e3f5:1.54 Na:ab5cf2:2.27 Mg:8aff00:1.73
Al:bfa6a6:1.84 Si:f0c8a0:2.1 P:ff8000:1.8 S:ffff30:1.8 Cl:1ff01f:1.75 Ar:80d1e3:1.88
K:8f40d4:2.75 Ca:3dff00:2.31 Sc:e6e6e6 Ti:bfc2c7 V:a6a6ab Cr:8a99c7 Mn:9c7ac7 Fe:e06633
Co:f090a0 Ni:50d050:1.63 Cu:c88033:1.4 Zn:7d80b0:1.39 Ga:c28f8f:1.87 Ge:668f8f:2.11
As:bd80e3:1.85 Se:ffa100:1.9 Br:a62929:1.85 Kr:5cb8d1:2.02 Rb:702eb0:3.03 Sr:00ff00:2.49
Y:94ffff Zr:94e0e0 Nb:73c2c9 Mo:54b5b5 Tc:3b9e9e Ru:248f8f Rh:0a7d8c Pd:006985:1.63
Ag:c0c0c0:1.72 Cd:ffd98f:1.58 In:a67573:1.93 Sn:668080:2.17 Sb:9e63b5:2.06 Te:d47a00:2.06
I:940094:1.98 Xe:429eb0:2.16 Cs:57178f:3.43 Ba:00c900:2.68 La:70d4ff Ce:ffffc7 Pr:d9ffc7
Nd:c7ffc7 Pm:a3ffc7 Sm:8fffc7 Eu:61ffc7 Gd:45ffc7 Tb:30ffc7 Dy:1fffc7 Ho:00ff9c Er:00e675
Tm:00d452 Yb:00bf38 Lu:00ab24 Hf:4dc2ff Ta:4da6ff W:2194d6 Re:267dab Os:266696 Ir:175487
Pt:d0d0e0:1.75 Au:ffd123:1.66 Hg:b8b8d0:1.55 Tl:a6544d:1.96 Pb:575961:2.02 Bi:9e4fb5:2.07
Po:ab5c00:1.97 At:754f45:2.02 Rn:428296:2.2 Fr:420066:3.48 Ra:007d00:2.83 Ac:70abfa Th:00baff
Pa:00a1ff U:008fff:1.86 Np:0080ff Pu:006bff Am:545cf2 Cm:785ce3 Bk:8a4fe3 Cf:a136d4 Es:b31fd4
Fm:b31fba Md:b30da6 No:bd0d87 Lr:c70066 Rf:cc0059 Db:d1004f Sg:d90045 Bh:e00038 Hs:e6002e
Mt:eb0026 Ds:eb0026 Rg:eb0026 Cn:eb0026 Nh:eb0026 Fl:eb0026 Mc:eb0026 Lv:eb0026 Ts:eb0026
Og:eb0026`;

export interface Element {
  /** 0xrrggbb. */
  colour: number;
  /** Van der Waals radius, Å. */
  radius: number;
}

const elements = new Map(
  table
    .trim()
    .split(/\s+/)
    .map((entry): [string, Element] => {
      const [symbol, colour, radius] = entry.split(":") as [string, string, string?];
      return [symbol, { colour: parseInt(colour, 16), radius: Number(radius ?? 2) }];
    }),
);

/** What is drawn for a symbol that is no element. */
const unknown: Element = { colour: 0xb98cc9, radius: 2 };

export function elementOf(symbol: string): Element {
  return elements.get(symbol) ?? unknown;
}
