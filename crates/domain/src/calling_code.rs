//! Country calling codes: the digits behind the plus (ITU-T E.164 and E.164.1, and the area codes of the North American plan
//! that stand for a country of their own).
//!
//! A calling code is a route through the telephone network and no country: several countries share one, and where they do,
//! the entry names them all and has no region. Lengths are those of national numbers in each plan, fixed lines included; they
//! are here to refuse what cannot be a number, not to say that somebody has it.

use crate::language::Language;

/// A calling code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallingCode {
    number: u16,
    region: Option<&'static str>,
    least: u8,
    most: u8,
    english: &'static str,
    chinese: &'static str,
}

impl CallingCode {
    /// The code as a number: 86. It is unique and stays, so it serves as an id, too.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// The region that has the code for itself, or nearly: two letters of ISO 3166-1. None for a shared code.
    pub fn region(&self) -> Option<&'static str> {
        self.region
    }

    /// What the places with this code are called.
    pub fn name(&self, language: Language) -> &'static str {
        language.pick(self.english, self.chinese)
    }

    /// How many digits a national number has, without a trunk prefix.
    pub fn lengths(&self) -> std::ops::RangeInclusive<u8> {
        self.least..=self.most
    }

    /// Whether `national`, digits without a trunk prefix, can be a number here that gets text messages.
    pub fn can_be(&self, national: &str) -> bool {
        let fits = (usize::from(self.least)..=usize::from(self.most)).contains(&national.len());
        let is_all_digits = national.bytes().all(|byte| byte.is_ascii_digit());
        // Fixed lines are told apart here only, where the plan makes it certain and most of our numbers are.
        let is_mobile = self.number != 86 || matches!(national.as_bytes(), [b'1', b'3'..=b'9', ..]);
        fits && is_all_digits && is_mobile
    }

    /// A national number without the trunk zero, if one stands in front of it. `None` where a zero is left that can be no part of it.
    pub fn without_trunk_zero<'a>(&self, national: &'a str) -> Option<&'a str> {
        if !self.has_trunk_zero() {
            return Some(national);
        }
        let rest = national.strip_prefix('0').unwrap_or(national);
        (!rest.starts_with('0')).then_some(rest)
    }

    /// Whether people here dial a zero before a national number at home, and no national number begins with one: then a zero in
    /// front is that prefix, and is not part of the number. In Italy, for one, it is part of it.
    fn has_trunk_zero(&self) -> bool {
        TRUNK_ZERO.contains(&self.number)
    }
}

/// Every calling code, in the order of their digits as text: 1, 1242, 1246, …, 20, 211.
pub fn all() -> &'static [CallingCode] {
    &ALL
}

/// The calling code that is exactly these digits.
pub fn exactly(digits: &str) -> Option<&'static CallingCode> {
    let is_plain = !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number: u16 = if is_plain { digits.parse().ok()? } else { return None };
    ALL.iter().find(|code| code.number == number)
}

/// The calling code of a number in E.164, with or without the plus: the longest that fits.
pub fn of(e164: &str) -> Option<&'static CallingCode> {
    let digits = e164.strip_prefix('+').unwrap_or(e164);
    (1..=4).rev().filter_map(|length| digits.get(..length)).find_map(exactly)
}

/// The digits of a number in E.164, or those that it begins with, without the trunk zero that some write behind the calling code:
/// `49 0151…` is `49 151…`. `None` where zeros are left that no number there has, or nothing but the calling code.
pub fn without_trunk_zero(digits: &str) -> Option<String> {
    let Some(code) = of(digits) else { return Some(digits.to_owned()) };
    let (number, national) = digits.split_at(code.number.to_string().len());
    let rest = code.without_trunk_zero(national)?;
    let is_emptied = rest.is_empty() && !national.is_empty();
    (!is_emptied).then(|| format!("{number}{rest}"))
}

/// Plans with a trunk zero that no national number begins with.
const TRUNK_ZERO: [u16; 62] = [
    20, 27, 31, 32, 33, 40, 41, 43, 44, 46, 49, 60, 61, 62, 63, 64, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98,
    211, 212, 213, 218, 231, 233, 234, 249, 251, 254, 255, 256, 260, 263, 353, 355, 358, 359, 373, 380, 381, 385, 386,
    387, 389, 421, 855, 880, 886, 961, 966, 971, 972, 977,
];

const fn row(
    number: u16,
    region: &'static str,
    least: u8,
    most: u8,
    english: &'static str,
    chinese: &'static str,
) -> CallingCode {
    let region = if region.is_empty() { None } else { Some(region) };
    CallingCode { number, region, least, most, english, chinese }
}

static ALL: [CallingCode; 235] = [
    row(1, "", 10, 10, "United States, Canada", "美国、加拿大"),
    row(1_242, "BS", 7, 7, "Bahamas", "巴哈马"),
    row(1_246, "BB", 7, 7, "Barbados", "巴巴多斯"),
    row(1_264, "AI", 7, 7, "Anguilla", "安圭拉"),
    row(1_268, "AG", 7, 7, "Antigua and Barbuda", "安提瓜和巴布达"),
    row(1_284, "VG", 7, 7, "British Virgin Islands", "英属维尔京群岛"),
    row(1_340, "VI", 7, 7, "United States Virgin Islands", "美属维尔京群岛"),
    row(1_345, "KY", 7, 7, "Cayman Islands", "开曼群岛"),
    row(1_441, "BM", 7, 7, "Bermuda", "百慕大"),
    row(1_473, "GD", 7, 7, "Grenada", "格林纳达"),
    row(1_649, "TC", 7, 7, "Turks and Caicos Islands", "特克斯和凯科斯群岛"),
    row(1_658, "JM", 7, 7, "Jamaica", "牙买加"),
    row(1_664, "MS", 7, 7, "Montserrat", "蒙特塞拉特"),
    row(1_670, "MP", 7, 7, "Northern Mariana Islands", "北马里亚纳群岛"),
    row(1_671, "GU", 7, 7, "Guam", "关岛"),
    row(1_684, "AS", 7, 7, "American Samoa", "美属萨摩亚"),
    row(1_721, "SX", 7, 7, "Sint Maarten", "荷属圣马丁"),
    row(1_758, "LC", 7, 7, "Saint Lucia", "圣卢西亚"),
    row(1_767, "DM", 7, 7, "Dominica", "多米尼克"),
    row(1_784, "VC", 7, 7, "Saint Vincent and the Grenadines", "圣文森特和格林纳丁斯"),
    row(1_787, "PR", 7, 7, "Puerto Rico", "波多黎各"),
    row(1_809, "DO", 7, 7, "Dominican Republic", "多米尼加共和国"),
    row(1_829, "DO", 7, 7, "Dominican Republic", "多米尼加共和国"),
    row(1_849, "DO", 7, 7, "Dominican Republic", "多米尼加共和国"),
    row(1_868, "TT", 7, 7, "Trinidad and Tobago", "特立尼达和多巴哥"),
    row(1_869, "KN", 7, 7, "Saint Kitts and Nevis", "圣基茨和尼维斯"),
    row(1_876, "JM", 7, 7, "Jamaica", "牙买加"),
    row(1_939, "PR", 7, 7, "Puerto Rico", "波多黎各"),
    row(20, "EG", 8, 10, "Egypt", "埃及"),
    row(211, "SS", 9, 9, "South Sudan", "南苏丹"),
    row(212, "", 9, 9, "Morocco, Western Sahara", "摩洛哥、西撒哈拉"),
    row(213, "DZ", 8, 9, "Algeria", "阿尔及利亚"),
    row(216, "TN", 8, 8, "Tunisia", "突尼斯"),
    row(218, "LY", 8, 9, "Libya", "利比亚"),
    row(220, "GM", 7, 7, "Gambia", "冈比亚"),
    row(221, "SN", 9, 9, "Senegal", "塞内加尔"),
    row(222, "MR", 8, 8, "Mauritania", "毛里塔尼亚"),
    row(223, "ML", 8, 8, "Mali", "马里"),
    row(224, "GN", 8, 9, "Guinea", "几内亚"),
    row(225, "CI", 10, 10, "Côte d’Ivoire", "科特迪瓦"),
    row(226, "BF", 8, 8, "Burkina Faso", "布基纳法索"),
    row(227, "NE", 8, 8, "Niger", "尼日尔"),
    row(228, "TG", 8, 8, "Togo", "多哥"),
    row(229, "BJ", 8, 10, "Benin", "贝宁"),
    row(230, "MU", 7, 8, "Mauritius", "毛里求斯"),
    row(231, "LR", 7, 9, "Liberia", "利比里亚"),
    row(232, "SL", 8, 8, "Sierra Leone", "塞拉利昂"),
    row(233, "GH", 9, 9, "Ghana", "加纳"),
    row(234, "NG", 7, 10, "Nigeria", "尼日利亚"),
    row(235, "TD", 8, 8, "Chad", "乍得"),
    row(236, "CF", 8, 8, "Central African Republic", "中非共和国"),
    row(237, "CM", 8, 9, "Cameroon", "喀麦隆"),
    row(238, "CV", 7, 7, "Cabo Verde", "佛得角"),
    row(239, "ST", 7, 7, "São Tomé and Príncipe", "圣多美和普林西比"),
    row(240, "GQ", 9, 9, "Equatorial Guinea", "赤道几内亚"),
    row(241, "GA", 7, 8, "Gabon", "加蓬"),
    row(242, "CG", 9, 9, "Congo", "刚果（布）"),
    row(243, "CD", 7, 9, "Democratic Republic of the Congo", "刚果（金）"),
    row(244, "AO", 9, 9, "Angola", "安哥拉"),
    row(245, "GW", 7, 9, "Guinea-Bissau", "几内亚比绍"),
    row(246, "IO", 7, 7, "British Indian Ocean Territory", "英属印度洋领地"),
    row(247, "", 4, 6, "Ascension Island", "阿森松岛"),
    row(248, "SC", 7, 7, "Seychelles", "塞舌尔"),
    row(249, "SD", 9, 9, "Sudan", "苏丹"),
    row(250, "RW", 8, 9, "Rwanda", "卢旺达"),
    row(251, "ET", 9, 9, "Ethiopia", "埃塞俄比亚"),
    row(252, "SO", 6, 9, "Somalia", "索马里"),
    row(253, "DJ", 8, 8, "Djibouti", "吉布提"),
    row(254, "KE", 7, 10, "Kenya", "肯尼亚"),
    row(255, "TZ", 9, 9, "Tanzania", "坦桑尼亚"),
    row(256, "UG", 9, 9, "Uganda", "乌干达"),
    row(257, "BI", 8, 8, "Burundi", "布隆迪"),
    row(258, "MZ", 8, 9, "Mozambique", "莫桑比克"),
    row(260, "ZM", 9, 9, "Zambia", "赞比亚"),
    row(261, "MG", 9, 10, "Madagascar", "马达加斯加"),
    row(262, "", 9, 9, "Réunion, Mayotte", "留尼汪、马约特"),
    row(263, "ZW", 5, 10, "Zimbabwe", "津巴布韦"),
    row(264, "NA", 8, 9, "Namibia", "纳米比亚"),
    row(265, "MW", 7, 9, "Malawi", "马拉维"),
    row(266, "LS", 8, 8, "Lesotho", "莱索托"),
    row(267, "BW", 7, 8, "Botswana", "博茨瓦纳"),
    row(268, "SZ", 8, 9, "Eswatini", "斯威士兰"),
    row(269, "KM", 7, 7, "Comoros", "科摩罗"),
    row(27, "ZA", 5, 10, "South Africa", "南非"),
    row(290, "SH", 4, 5, "Saint Helena, Tristan da Cunha", "圣赫勒拿、特里斯坦-达库尼亚"),
    row(291, "ER", 7, 7, "Eritrea", "厄立特里亚"),
    row(297, "AW", 7, 7, "Aruba", "阿鲁巴"),
    row(298, "FO", 6, 6, "Faroe Islands", "法罗群岛"),
    row(299, "GL", 6, 6, "Greenland", "格陵兰"),
    row(30, "GR", 10, 10, "Greece", "希腊"),
    row(31, "NL", 9, 11, "Netherlands", "荷兰"),
    row(32, "BE", 8, 9, "Belgium", "比利时"),
    row(33, "FR", 9, 9, "France", "法国"),
    row(34, "ES", 9, 9, "Spain", "西班牙"),
    row(350, "GI", 8, 8, "Gibraltar", "直布罗陀"),
    row(351, "PT", 9, 9, "Portugal", "葡萄牙"),
    row(352, "LU", 4, 11, "Luxembourg", "卢森堡"),
    row(353, "IE", 7, 10, "Ireland", "爱尔兰"),
    row(354, "IS", 7, 9, "Iceland", "冰岛"),
    row(355, "AL", 8, 9, "Albania", "阿尔巴尼亚"),
    row(356, "MT", 8, 8, "Malta", "马耳他"),
    row(357, "CY", 8, 8, "Cyprus", "塞浦路斯"),
    row(358, "FI", 5, 12, "Finland", "芬兰"),
    row(359, "BG", 6, 9, "Bulgaria", "保加利亚"),
    row(36, "HU", 8, 9, "Hungary", "匈牙利"),
    row(370, "LT", 8, 8, "Lithuania", "立陶宛"),
    row(371, "LV", 8, 8, "Latvia", "拉脱维亚"),
    row(372, "EE", 7, 8, "Estonia", "爱沙尼亚"),
    row(373, "MD", 8, 8, "Moldova", "摩尔多瓦"),
    row(374, "AM", 8, 8, "Armenia", "亚美尼亚"),
    row(375, "BY", 9, 9, "Belarus", "白俄罗斯"),
    row(376, "AD", 6, 9, "Andorra", "安道尔"),
    row(377, "MC", 8, 9, "Monaco", "摩纳哥"),
    row(378, "SM", 6, 10, "San Marino", "圣马力诺"),
    row(380, "UA", 9, 9, "Ukraine", "乌克兰"),
    row(381, "RS", 6, 12, "Serbia", "塞尔维亚"),
    row(382, "ME", 8, 9, "Montenegro", "黑山"),
    row(383, "", 8, 9, "Kosovo", "科索沃"),
    row(385, "HR", 8, 9, "Croatia", "克罗地亚"),
    row(386, "SI", 8, 8, "Slovenia", "斯洛文尼亚"),
    row(387, "BA", 8, 9, "Bosnia and Herzegovina", "波斯尼亚和黑塞哥维那"),
    row(389, "MK", 8, 8, "North Macedonia", "北马其顿"),
    row(39, "", 6, 12, "Italy, Vatican City", "意大利、梵蒂冈"),
    row(40, "RO", 9, 9, "Romania", "罗马尼亚"),
    row(41, "CH", 9, 9, "Switzerland", "瑞士"),
    row(420, "CZ", 9, 9, "Czechia", "捷克"),
    row(421, "SK", 9, 9, "Slovakia", "斯洛伐克"),
    row(423, "LI", 7, 9, "Liechtenstein", "列支敦士登"),
    row(43, "AT", 4, 13, "Austria", "奥地利"),
    row(44, "GB", 9, 10, "United Kingdom", "英国"),
    row(45, "DK", 8, 8, "Denmark", "丹麦"),
    row(46, "SE", 7, 10, "Sweden", "瑞典"),
    row(47, "NO", 8, 8, "Norway", "挪威"),
    row(48, "PL", 9, 9, "Poland", "波兰"),
    row(49, "DE", 4, 13, "Germany", "德国"),
    row(500, "FK", 5, 5, "Falkland Islands (Malvinas)", "福克兰群岛（马尔维纳斯）"),
    row(501, "BZ", 7, 7, "Belize", "伯利兹"),
    row(502, "GT", 8, 8, "Guatemala", "危地马拉"),
    row(503, "SV", 8, 8, "El Salvador", "萨尔瓦多"),
    row(504, "HN", 8, 8, "Honduras", "洪都拉斯"),
    row(505, "NI", 8, 8, "Nicaragua", "尼加拉瓜"),
    row(506, "CR", 8, 8, "Costa Rica", "哥斯达黎加"),
    row(507, "PA", 7, 8, "Panama", "巴拿马"),
    row(508, "PM", 6, 9, "Saint Pierre and Miquelon", "圣皮埃尔和密克隆"),
    row(509, "HT", 8, 8, "Haiti", "海地"),
    row(51, "PE", 8, 9, "Peru", "秘鲁"),
    row(52, "MX", 10, 10, "Mexico", "墨西哥"),
    row(53, "CU", 6, 8, "Cuba", "古巴"),
    row(54, "AR", 10, 11, "Argentina", "阿根廷"),
    row(55, "BR", 10, 11, "Brazil", "巴西"),
    row(56, "CL", 9, 9, "Chile", "智利"),
    row(57, "CO", 8, 10, "Colombia", "哥伦比亚"),
    row(58, "VE", 10, 10, "Venezuela", "委内瑞拉"),
    row(590, "", 9, 9, "Guadeloupe, Saint Barthélemy, Saint Martin", "瓜德罗普、圣巴泰勒米、法属圣马丁"),
    row(591, "BO", 8, 8, "Bolivia", "玻利维亚"),
    row(592, "GY", 7, 7, "Guyana", "圭亚那"),
    row(593, "EC", 8, 9, "Ecuador", "厄瓜多尔"),
    row(594, "GF", 9, 9, "French Guiana", "法属圭亚那"),
    row(595, "PY", 7, 9, "Paraguay", "巴拉圭"),
    row(596, "MQ", 9, 9, "Martinique", "马提尼克"),
    row(597, "SR", 6, 7, "Suriname", "苏里南"),
    row(598, "UY", 8, 8, "Uruguay", "乌拉圭"),
    row(599, "", 7, 8, "Curaçao, Caribbean Netherlands", "库拉索、荷兰加勒比区"),
    row(60, "MY", 8, 10, "Malaysia", "马来西亚"),
    row(61, "AU", 9, 9, "Australia", "澳大利亚"),
    row(62, "ID", 7, 12, "Indonesia", "印度尼西亚"),
    row(63, "PH", 8, 10, "Philippines", "菲律宾"),
    row(64, "NZ", 8, 10, "New Zealand", "新西兰"),
    row(65, "SG", 8, 8, "Singapore", "新加坡"),
    row(66, "TH", 8, 9, "Thailand", "泰国"),
    row(670, "TL", 7, 8, "Timor-Leste", "东帝汶"),
    row(672, "", 6, 6, "Norfolk Island, Australian Antarctic Territory", "诺福克岛、澳大利亚南极领地"),
    row(673, "BN", 7, 7, "Brunei", "文莱"),
    row(674, "NR", 7, 7, "Nauru", "瑙鲁"),
    row(675, "PG", 7, 8, "Papua New Guinea", "巴布亚新几内亚"),
    row(676, "TO", 5, 7, "Tonga", "汤加"),
    row(677, "SB", 5, 7, "Solomon Islands", "所罗门群岛"),
    row(678, "VU", 5, 7, "Vanuatu", "瓦努阿图"),
    row(679, "FJ", 7, 7, "Fiji", "斐济"),
    row(680, "PW", 7, 7, "Palau", "帕劳"),
    row(681, "WF", 6, 6, "Wallis and Futuna", "瓦利斯和富图纳"),
    row(682, "CK", 5, 5, "Cook Islands", "库克群岛"),
    row(683, "NU", 4, 7, "Niue", "纽埃"),
    row(685, "WS", 5, 7, "Samoa", "萨摩亚"),
    row(686, "KI", 5, 8, "Kiribati", "基里巴斯"),
    row(687, "NC", 6, 6, "New Caledonia", "新喀里多尼亚"),
    row(688, "TV", 5, 7, "Tuvalu", "图瓦卢"),
    row(689, "PF", 6, 8, "French Polynesia", "法属波利尼西亚"),
    row(690, "TK", 4, 7, "Tokelau", "托克劳"),
    row(691, "FM", 7, 7, "Micronesia", "密克罗尼西亚"),
    row(692, "MH", 7, 7, "Marshall Islands", "马绍尔群岛"),
    row(7, "", 10, 10, "Russia, Kazakhstan", "俄罗斯、哈萨克斯坦"),
    row(81, "JP", 9, 10, "Japan", "日本"),
    row(82, "KR", 8, 11, "South Korea", "韩国"),
    row(84, "VN", 9, 10, "Vietnam", "越南"),
    row(850, "KP", 8, 10, "North Korea", "朝鲜"),
    row(852, "HK", 8, 8, "Hong Kong, China", "中国香港"),
    row(853, "MO", 8, 8, "Macao, China", "中国澳门"),
    row(855, "KH", 8, 9, "Cambodia", "柬埔寨"),
    row(856, "LA", 8, 10, "Laos", "老挝"),
    row(86, "CN", 11, 11, "China", "中国"),
    row(870, "", 9, 12, "Inmarsat", "国际海事卫星"),
    row(880, "BD", 6, 10, "Bangladesh", "孟加拉国"),
    row(881, "", 8, 12, "Global Mobile Satellite System", "全球移动卫星系统"),
    row(886, "TW", 8, 9, "Taiwan, China", "中国台湾"),
    row(90, "TR", 10, 10, "Türkiye", "土耳其"),
    row(91, "IN", 10, 10, "India", "印度"),
    row(92, "PK", 9, 10, "Pakistan", "巴基斯坦"),
    row(93, "AF", 9, 9, "Afghanistan", "阿富汗"),
    row(94, "LK", 9, 9, "Sri Lanka", "斯里兰卡"),
    row(95, "MM", 7, 10, "Myanmar", "缅甸"),
    row(960, "MV", 7, 7, "Maldives", "马尔代夫"),
    row(961, "LB", 7, 8, "Lebanon", "黎巴嫩"),
    row(962, "JO", 8, 9, "Jordan", "约旦"),
    row(963, "SY", 8, 9, "Syria", "叙利亚"),
    row(964, "IQ", 8, 10, "Iraq", "伊拉克"),
    row(965, "KW", 8, 8, "Kuwait", "科威特"),
    row(966, "SA", 9, 9, "Saudi Arabia", "沙特阿拉伯"),
    row(967, "YE", 7, 9, "Yemen", "也门"),
    row(968, "OM", 8, 8, "Oman", "阿曼"),
    row(970, "PS", 8, 9, "Palestine", "巴勒斯坦"),
    row(971, "AE", 8, 9, "United Arab Emirates", "阿拉伯联合酋长国"),
    row(972, "IL", 8, 9, "Israel", "以色列"),
    row(973, "BH", 8, 8, "Bahrain", "巴林"),
    row(974, "QA", 7, 8, "Qatar", "卡塔尔"),
    row(975, "BT", 7, 8, "Bhutan", "不丹"),
    row(976, "MN", 8, 8, "Mongolia", "蒙古"),
    row(977, "NP", 8, 10, "Nepal", "尼泊尔"),
    row(98, "IR", 10, 10, "Iran", "伊朗"),
    row(992, "TJ", 9, 9, "Tajikistan", "塔吉克斯坦"),
    row(993, "TM", 8, 8, "Turkmenistan", "土库曼斯坦"),
    row(994, "AZ", 9, 9, "Azerbaijan", "阿塞拜疆"),
    row(995, "GE", 9, 9, "Georgia", "格鲁吉亚"),
    row(996, "KG", 9, 9, "Kyrgyzstan", "吉尔吉斯斯坦"),
    row(998, "UZ", 9, 9, "Uzbekistan", "乌兹别克斯坦"),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_list_is_sorted_as_text_and_nothing_stands_twice() {
        let digits: Vec<_> = all().iter().map(|code| code.number().to_string()).collect();
        assert!(digits.is_sorted() && digits.len() > 220);
        assert_eq!(digits.iter().collect::<HashSet<_>>().len(), digits.len());
        assert!(TRUNK_ZERO.is_sorted());
    }

    #[test]
    fn every_entry_is_whole() {
        for code in all() {
            let digits = code.number().to_string();
            assert!(code.least <= code.most && digits.len() + usize::from(code.most) <= 15, "{digits}");
            assert!(
                code.region()
                    .is_none_or(|region| region.len() == 2 && region.bytes().all(|byte| byte.is_ascii_uppercase()))
            );
            assert!(!code.name(Language::English).is_empty() && !code.name(Language::Chinese).is_ascii(), "{digits}");
        }
        let zeros = TRUNK_ZERO.iter().filter(|number| exactly(&number.to_string()).is_none());
        assert_eq!(zeros.count(), 0);
    }

    #[test]
    fn the_longest_code_wins_and_no_number_has_two() {
        for (number, code) in [
            ("+8613912345678", Some(86)),
            ("8613912345678", Some(86)),
            ("+12025550123", Some(1)),
            ("+12425550123", Some(1242)),
            ("+18765550123", Some(1876)),
            ("+85291234567", Some(852)),
            ("+2125", Some(212)),
            ("+2010", Some(20)),
            ("+2", None),
            ("+0086", None),
            ("+999123456", None),
            ("", None),
            ("中文", None),
        ] {
            assert_eq!(of(number).map(CallingCode::number), code, "{number}");
        }
        // But for the North American plan, no code is the beginning of another: numbers are read one way.
        for code in all().iter().filter(|code| code.number() != 1) {
            let digits = code.number().to_string();
            let longer = all().iter().filter(|other| other.number().to_string().starts_with(&digits));
            assert_eq!(longer.count(), 1, "{digits}");
        }
    }

    #[test]
    fn a_code_is_found_by_its_digits_alone() {
        assert_eq!(exactly("86").map(CallingCode::number), Some(86));
        for text in ["", "086", "+86", " 86", "8", "861", "99999999"] {
            assert_eq!(exactly(text), None, "{text}");
        }
    }
}
